//! The key of a stored response: what must be equal for two requests to share one (RFC 9111 section 2).
//!
//! By default scheme, authority, path and query, byte for byte, so that different resources are never merged. The method
//! is not part of it: only GET is stored, and HEAD is answered from it.

use std::fmt;
use std::sync::Arc;

use crate::semantics::{RangeSpec, RequestHead};

/// A cache key as text. Parts beyond the URI stand after a space, which no URI contains.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// `origin` is given where a filter chose it, so that both answers of one URI have their place.
    pub fn of(request: &RequestHead, origin: Option<&str>) -> Self {
        let (scheme, authority, path) = (request.scheme.as_str(), request.authority.as_str(), request.path.as_str());
        let mut text = String::with_capacity(scheme.len() + authority.len() + path.len() + 24);
        for part in [scheme, "://", authority, path] {
            text.push_str(part);
        }
        if let Some(origin) = origin {
            text.push_str(" origin=");
            text.push_str(origin);
        }
        Self(text)
    }

    /// One range of what `key` names, for what is known of that range alone.
    pub(super) fn ranged(key: &str, spec: RangeSpec) -> Arc<str> {
        format!("{key} range={spec}").into()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn shared(&self) -> Arc<str> {
        Arc::from(self.0.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::uri::Scheme;
    use http::{HeaderMap, Method, Version};

    fn key(authority: &str, path: &str, origin: Option<&str>) -> Key {
        let request = RequestHead {
            method: Method::GET,
            scheme: Scheme::HTTP,
            authority: authority.parse().expect("a test authority"),
            path: path.parse().expect("a test path"),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
        };
        Key::of(&request, origin)
    }

    #[test]
    fn what_differs_in_any_part_is_another_key() {
        assert_eq!(key("a.example", "/x?y", None).as_str(), "http://a.example/x?y");
        let keys = [
            key("a.example", "/x", None),
            key("a.example", "/x?", None),
            key("a.example", "/X", None),
            key("a.example:81", "/x", None),
            key("b.example", "/x", None),
            key("a.example", "/x", Some("next")),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|other| one != other), "{one:?}");
        }
    }
}
