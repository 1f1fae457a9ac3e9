//! `CDN-Loop` (RFC 8586): every node that a request passed signs it, and refuses what it has signed before.
//!
//! A signature is the node's name with an identity that no other start of a node has. The name alone would not do: two
//! nodes one behind the other may well have the same one. Members of others are passed on as they are, whatever they say.

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName, InvalidHeaderValue};

use super::fields;

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// The parameter that holds the identity.
const IDENTITY: &str = "id";

/// One node's own member of the field.
#[derive(Debug, Clone)]
pub struct LoopMark {
    name: Box<str>,
    identity: Box<str>,
    member: HeaderValue,
}

impl LoopMark {
    /// `name` is a token, `identity` a number that no other node has.
    pub fn new(name: &str, identity: u64) -> Result<Self, InvalidHeaderValue> {
        let identity = format!("{identity:016x}");
        let member = HeaderValue::from_str(&format!("{name}; {IDENTITY}={identity}"))?;
        Ok(Self { name: name.into(), identity: identity.into(), member })
    }

    /// Was this request sent on by this very node before? One member is enough: no sensible configuration lets a node be
    /// its own origin's front once more.
    pub fn is_on(&self, request: &HeaderMap) -> bool {
        request.contains_key(CDN_LOOP) && fields::list(request, &CDN_LOOP).any(|member| self.is(&member))
    }

    /// Signs, after those who signed before.
    pub fn put_on(&self, request: &mut HeaderMap) {
        request.append(CDN_LOOP, self.member.clone());
    }

    fn is(&self, member: &str) -> bool {
        let mut parts = member.split(';').map(|part| part.trim_matches([' ', '\t']));
        // A host name is compared without its case, and a name may be one (RFC 8586 section 2).
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(&self.name))
            && parts.any(|part| self.is_identity(part))
    }

    fn is_identity(&self, parameter: &str) -> bool {
        let Some((name, value)) = parameter.split_once('=') else { return false };
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        name.eq_ignore_ascii_case(IDENTITY) && *bare == *self.identity
    }
}

/// What earlier nodes wrote. Nobody on this one may change it (RFC 8586 section 2): `restore` puts it back after those who
/// could have.
#[derive(Debug)]
pub struct Signatures(Vec<HeaderValue>);

impl Signatures {
    pub fn of(request: &HeaderMap) -> Self {
        Self(request.get_all(CDN_LOOP).iter().cloned().collect())
    }

    pub fn restore(self, request: &mut HeaderMap) {
        request.remove(CDN_LOOP);
        for value in self.0 {
            request.append(CDN_LOOP, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark() -> LoopMark {
        LoopMark::new("edge-1", 0xfeed).expect("a token")
    }

    fn request(lines: &[&[u8]]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_bytes(line).expect("a legal value"));
        let mut headers = HeaderMap::new();
        lines.for_each(|line| _ = headers.append(CDN_LOOP, line));
        headers
    }

    #[test]
    fn only_the_own_name_with_the_own_identity_is_a_loop() {
        let cases: [(&[&[u8]], bool); 16] = [
            (&[], false),
            (&[b"edge-1; id=000000000000feed"], true),
            (&[b"edge-1;id=000000000000feed"], true),
            (&[b"EDGE-1 ;\t ID=\"000000000000feed\""], true),
            (&[b"other.example; trace=\"a,b\", edge-1; x=1; id=000000000000feed; y"], true),
            (&[b"other.example", b"edge-1; id=000000000000feed"], true),
            (&[b"\xff\xfe, edge-1; id=000000000000feed"], true),
            (&[b"edge-1"], false),
            (&[b"edge-1; id=000000000000beef"], false),
            (&[b"edge-1; id"], false),
            (&[b"edge-2; id=000000000000feed"], false),
            (&[b"x; trace=\"edge-1; id=000000000000feed\""], false),
            (&[b"id=000000000000feed; edge-1"], false),
            (&[b";;,,;=;\"", b"\xff"], false),
            (&[b""], false),
            (&[b"edge-1; id=\"000000000000feed"], false),
        ];
        for (lines, expected) in cases {
            let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
            assert_eq!(mark().is_on(&request(lines)), expected, "{shown:?}");
        }
    }

    #[test]
    fn signing_comes_last_and_is_recognised_by_nobody_else() {
        let mut headers = request(&[b"other.example"]);
        mark().put_on(&mut headers);
        let members: Vec<_> = headers.get_all(CDN_LOOP).iter().collect();
        assert_eq!(members, ["other.example", "edge-1; id=000000000000feed"]);
        assert!(mark().is_on(&headers));
        assert!(!LoopMark::new("edge-1", 0xbeef).expect("a token").is_on(&headers));
    }

    #[test]
    fn what_was_signed_before_can_be_put_back() {
        let mut headers = request(&[b"a", b"b"]);
        let signed = Signatures::of(&headers);
        headers.insert(CDN_LOOP, HeaderValue::from_static("forged"));
        signed.restore(&mut headers);
        assert_eq!(headers.get_all(CDN_LOOP).iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn any_value_is_read_and_a_signature_beside_it_is_found(value in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.append(CDN_LOOP, value);
                prop_assert!(!mark().is_on(&headers));
                mark().put_on(&mut headers);
                prop_assert!(mark().is_on(&headers));
            }
        }
    }
}
