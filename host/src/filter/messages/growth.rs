//! What a guest has put into header sections in one callback.
//!
//! Its host calls note it, so that afterwards only sections that may have become too large are looked at: to count one
//! costs as much as to change it.

use super::super::abi::MapType;

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::filter) struct Growth {
    /// A bit for each map.
    maps: u8,
    /// In all of them together.
    pub(in crate::filter) bytes: usize,
}

impl Growth {
    /// Notes that `bytes` are put into `map`.
    pub(in crate::filter) fn note(&mut self, map: MapType, bytes: usize) {
        self.maps |= 1 << map as u8;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether anything was put into `map`.
    pub(in crate::filter) fn has(self, map: MapType) -> bool {
        self.maps & 1 << map as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let mut growth = Growth::default();
        growth.note(MapType::ResponseHeaders, usize::MAX);
        growth.note(MapType::RequestTrailers, 1);
        let maps = [MapType::RequestHeaders, MapType::RequestTrailers, MapType::ResponseHeaders, MapType::Absent];
        assert_eq!(maps.map(|map| growth.has(map)), [false, true, true, false]);
        assert_eq!(growth.bytes, usize::MAX);
    }
}
