//! Content codings, and which of them a client wants (RFC 9110 section 12.5.3).
//!
//! Reading never fails and never allocates: what is malformed is not accepted, and a client that accepts nothing that is
//! offered gets the response as it is, which that section allows even where the client refuses `identity`.

use http::header::{self, HeaderMap};

/// A weight of 1, in the thousandths that a weight is written in (RFC 9110 section 12.4.2).
pub(super) const WHOLE: u16 = 1_000;

/// A coding that the node can make (RFC 1952, RFC 7932, RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Br,
    Zstd,
    Gzip,
}

impl Coding {
    pub const ALL: [Self; 3] = [Self::Br, Self::Zstd, Self::Gzip];

    /// Its name in `Content-Encoding`, and the label in metrics.
    pub fn token(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Its place in `ALL`.
    pub fn index(self) -> usize {
        self as usize
    }

    /// `x-gzip` is `gzip` (RFC 9110 section 8.4.1.3).
    fn named(token: &[u8]) -> Option<Self> {
        let token = if token.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { token };
        Self::ALL.into_iter().find(|coding| coding.token().as_bytes().eq_ignore_ascii_case(token))
    }
}

/// The codings that a client accepts at least as gladly as no coding, best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted([Option<Coding>; Coding::ALL.len()]);

impl Accepted {
    /// Of `offered`, what the request accepts; among equals the earlier offer comes first.
    pub fn of(request: &HeaderMap, offered: &[Coding]) -> Self {
        let weights = Weights::of(request);
        let mut accepted = Self::default();
        let mut worst: [u16; Coding::ALL.len()] = [0; Coding::ALL.len()];
        for &coding in offered {
            let weight = weights.coding(coding);
            if weight == 0 || weights.identity.is_some_and(|identity| identity > weight) {
                continue;
            }
            let Some(place) = worst.iter().position(|other| *other < weight) else { continue };
            worst[place..].rotate_right(1);
            accepted.0[place..].rotate_right(1);
            (worst[place], accepted.0[place]) = (weight, Some(coding));
        }
        accepted
    }

    pub fn best_first(self) -> impl Iterator<Item = Coding> {
        self.0.into_iter().flatten()
    }
}

/// What `Accept-Encoding` gives each coding, in thousandths; `None` where it does not say.
#[derive(Default)]
struct Weights {
    named: [Option<u16>; Coding::ALL.len()],
    identity: Option<u16>,
    any: Option<u16>,
}

impl Weights {
    fn of(request: &HeaderMap) -> Self {
        let mut weights = Self::default();
        let lines = request.get_all(header::ACCEPT_ENCODING);
        // No coding's name and no weight has a comma or a quoted string in it.
        for member in lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
            weights.read(member);
        }
        weights
    }

    fn read(&mut self, member: &[u8]) {
        let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let token = parts.next().unwrap_or_default();
        let slot = match Coding::named(token) {
            Some(coding) => &mut self.named[coding.index()],
            None if token == b"*" => &mut self.any,
            None if token.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            None => return,
        };
        let weight = parts.next().map_or(WHOLE, |parameter| weight(parameter).unwrap_or(0));
        // Of a name that stands twice the lower weight counts: no coding is sent that the client refuses somewhere.
        *slot = Some(slot.map_or(weight, |standing| standing.min(weight)));
    }

    fn coding(&self, coding: Coding) -> u16 {
        self.named[coding.index()].or(self.any).unwrap_or(0)
    }
}

/// `q=0.5` in thousandths; `None` where it is no weight.
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', weight @ ..] = parameter else { return None };
    thousandths(weight)
}

/// A weight as it stands after `q=`: up to three decimals, 1 at most (RFC 9110 section 12.4.2); `None` where it is no weight.
pub(super) fn thousandths(weight: &[u8]) -> Option<u16> {
    let [whole @ (b'0' | b'1'), decimals @ ..] = weight else { return None };
    let digits = match decimals {
        [] => decimals,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for place in 0..3 {
        let digit = digits.get(place).copied().unwrap_or(b'0');
        weight = weight * 10 + u16::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?);
    }
    (weight <= WHOLE).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const OFFERED: [Coding; 3] = [Coding::Zstd, Coding::Br, Coding::Gzip];

    fn accepted(lines: &[&[u8]]) -> Vec<&'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_bytes(line).expect("a test value"));
        }
        Accepted::of(&headers, &OFFERED).best_first().map(Coding::token).collect()
    }

    #[test]
    fn the_table_of_section_12_5_3() {
        let cases: [(&str, &[&str]); 30] = [
            ("gzip", &["gzip"]),
            ("GZIP", &["gzip"]),
            ("x-gzip", &["gzip"]),
            ("gzip, deflate, br, zstd", &["zstd", "br", "gzip"]),
            ("gzip, br", &["br", "gzip"]),
            ("br;q=0.5, gzip;q=0.8", &["gzip", "br"]),
            ("br ; q=0.5 , gzip;Q=0.500", &["br", "gzip"]),
            ("gzip;q=0.001, br;q=1.000, zstd;q=0.1", &["br", "zstd", "gzip"]),
            ("*", &["zstd", "br", "gzip"]),
            ("*;q=0.3, gzip", &["gzip", "zstd", "br"]),
            ("*;q=0, br", &["br"]),
            ("br;q=0, *", &["zstd", "gzip"]),
            ("gzip, identity", &["gzip"]),
            ("gzip;q=0.5, identity", &[]),
            ("gzip;q=0.5, br;q=0.7, identity;q=0.6", &["br"]),
            ("gzip, identity;q=0", &["gzip"]),
            ("identity;q=0", &[]),
            ("*;q=0", &[]),
            ("identity", &[]),
            ("deflate, compress", &[]),
            ("", &[]),
            (" , ;, ;q=1", &[]),
            ("gzip;q=0", &[]),
            ("gzip;q=0.000", &[]),
            ("gzip;q=2", &[]),
            ("gzip;q=1.001", &[]),
            ("gzip;q=0.1234", &[]),
            ("gzip;q=-1", &[]),
            ("gzip;q=0.5, gzip;q=0", &[]),
            ("gzip;level=9", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(accepted(&[line.as_bytes()]), expected, "{line}");
        }
        assert_eq!(accepted(&[]), [""; 0]);
        assert_eq!(accepted(&[b"gzip;q=0.5", b"br"]), ["br", "gzip"]);
        assert_eq!(accepted(&[b"\xff, gzip"]), ["gzip"]);
    }

    #[test]
    fn weights_and_what_is_none() {
        let cases = [
            ("1", Some(1_000)),
            ("1.000", Some(1_000)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.001", Some(1)),
            ("0.0001", None),
            ("1.001", None),
            ("2", None),
            (".5", None),
            ("", None),
            ("-0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(thousandths(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_offered_is_not_chosen() {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.1"))]);
        let of = |offered: &[Coding]| Accepted::of(&headers, offered).best_first().collect::<Vec<_>>();
        assert_eq!(of(&[Coding::Gzip]), [Coding::Gzip]);
        assert_eq!(of(&[Coding::Zstd]), []);
        assert_eq!(of(&[]), []);
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            near in "((gzip|br|zstd|\\*|identity|[a-z]{0,3})[ ;,]{0,2}(q=)?[0-9.]{0,6}[,; ]{0,2}){0,6}",
        ) {
            for value in [bytes, near.into_bytes()] {
                let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
                let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
                let chosen: Vec<_> = Accepted::of(&headers, &OFFERED).best_first().collect();
                prop_assert!(chosen.iter().all(|one| chosen.iter().filter(|other| *other == one).count() == 1));
            }
        }
    }
}
