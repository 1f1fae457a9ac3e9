//! By which request fields the variants of a key are told apart (RFC 9111 section 4.1).
//!
//! It stands under the key itself, the variants under keys that are made of it. A spec that is replaced or given up takes
//! all its variants out of reach, because the next one has another generation.

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName};

use super::layout::{put_bytes, take_bytes};
use crate::semantics::Selection;

/// The version of the layout.
const VERSION: u8 = 1;

/// The fields that count, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    /// Never 0, and never the same twice.
    pub(super) generation: u64,
    /// In the order of the alphabet.
    pub(super) names: Vec<HeaderName>,
}

impl Spec {
    /// A new one.
    pub(super) fn new(names: Vec<HeaderName>) -> Self {
        Self { generation: fastrand::u64(1..), names }
    }

    /// What stands for the key of the variant that a selection is for, beside the key itself.
    pub(super) fn variant(&self, selection: &Selection) -> Vec<u8> {
        let mut parts = self.generation.to_le_bytes().to_vec();
        for value in selection.values() {
            match value {
                None => parts.put_u8(0),
                Some(value) => {
                    parts.put_u8(1);
                    put_bytes(&mut parts, value);
                }
            }
        }
        parts
    }

    /// The same for what a request selects.
    pub(super) fn variant_for(&self, request: &HeaderMap) -> Vec<u8> {
        self.variant(&Selection::by(&self.names, request))
    }

    pub(super) fn encode(&self, key: &str) -> Bytes {
        let mut meta = Vec::with_capacity(key.len() + 64);
        meta.put_u8(VERSION);
        put_bytes(&mut meta, key.as_bytes());
        meta.put_u64_le(self.generation);
        meta.put_u16_le(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.iter().for_each(|name| put_bytes(&mut meta, name.as_str().as_bytes()));
        meta.into()
    }

    /// The spec that a meta is of, if it is this key's.
    pub(super) fn decode(mut meta: Bytes, key: &str) -> Option<Self> {
        if meta.try_get_u8().ok()? != VERSION || take_bytes(&mut meta)? != key.as_bytes() {
            return None;
        }
        let generation = meta.try_get_u64_le().ok()?;
        let count = meta.try_get_u16_le().ok()?;
        let names = (0..count).map(|_| HeaderName::from_bytes(&take_bytes(&mut meta)?).ok());
        let names = names.collect::<Option<Vec<_>>>()?;
        meta.is_empty().then_some(Self { generation, names })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_spec_is_read_as_it_was_written_and_for_its_key_alone() {
        let spec = Spec::new(vec![HeaderName::from_static("accept-encoding"), HeaderName::from_static("x-b")]);
        assert_eq!(Spec::decode(spec.encode("a"), "a"), Some(spec.clone()));
        assert_eq!(Spec::decode(spec.encode("a"), "b"), None);
        let whole = spec.encode("a");
        assert!((0..whole.len()).all(|length| Spec::decode(whole.slice(..length), "a").is_none()));
    }

    #[test]
    fn requests_that_select_the_same_have_one_key() {
        let names = vec![HeaderName::from_static("accept-encoding"), HeaderName::from_static("x-b")];
        let spec = Spec::new(names.clone());
        let variant = |lines| spec.variant_for(&request(lines));
        assert_eq!(variant(&[("accept-encoding", "gzip, br")]), variant(&[("accept-encoding", "gzip,br")]));
        assert_ne!(variant(&[("accept-encoding", "gzip")]), variant(&[]));
        assert_ne!(variant(&[("x-b", "")]), variant(&[]));
        assert_ne!(variant(&[]), Spec::new(names).variant_for(&HeaderMap::new()), "of another generation");
        let response = request(&[("vary", "x-b, accept-encoding")]);
        let asked = request(&[("accept-encoding", "br"), ("x-b", "1")]);
        assert_eq!(spec.variant(&Selection::of(&response, &asked)), spec.variant_for(&asked));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            _ = Spec::decode(bytes.into(), "a");
        }
    }
}
