//! How much the log may hold, and in pieces of which size.
//!
//! Few large segments would be evicted in large steps, and many small ones need a file descriptor each; so the size of a
//! segment follows the budget where what was configured would lead to either.

use super::record::ALIGNMENT;

/// Files that are open at the same time. More would come near the 1,024 that a process may often have.
pub(super) const SEGMENTS_MAX: usize = 512;

/// A budget is divided into at least this many segments, so that eviction takes little at a time.
const SEGMENTS_MIN: u64 = 8;

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A segment is ended before it grows beyond this.
    pub(super) segment_bytes: u64,
    /// All files together.
    pub(super) bytes_max: u64,
}

impl Limits {
    /// What a segment may grow to under this budget.
    pub(super) fn segment_bytes(&self) -> u64 {
        // Some end early, before a record that does not fit any more; so a quarter of the files is spare.
        let least = self.bytes_max / (SEGMENTS_MAX as u64 * 3 / 4);
        let most = self.bytes_max / SEGMENTS_MIN;
        let reach = u64::from(u32::MAX) * ALIGNMENT;
        self.segment_bytes.max(least).min(most).min(reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_neither_too_few_nor_too_many() {
        let mebibytes = |segment: u64, all: u64| {
            Limits { segment_bytes: segment << 20, bytes_max: all << 20 }.segment_bytes() >> 20
        };
        assert_eq!(mebibytes(64, 20 << 10), 64);
        assert_eq!(mebibytes(64, 512), 64);
        assert_eq!(mebibytes(64, 511), 63);
        assert_eq!(mebibytes(64, 24 << 10), 64);
        assert_eq!(mebibytes(64, 48 << 10), 128);
        assert_eq!(mebibytes(64, 0), 0);
        let petabyte = Limits { segment_bytes: 64 << 20, bytes_max: 1 << 50 };
        assert_eq!(petabyte.segment_bytes(), u64::from(u32::MAX) * ALIGNMENT);
    }
}
