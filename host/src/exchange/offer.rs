//! What a route compresses, and in which codings: its `[route.compression]`, ready to be asked.

use http::StatusCode;
use http::header::{self, HeaderMap};

use crate::config::{self, MediaRange, RouteCompression};
use crate::semantics::{Accepted, Coding, may_be_coded, media_type, wants_it_whole_and_changed};

/// Never coded, because its reader waits for each event.
const EVENTS: &str = "text/event-stream";

pub(super) struct Offer {
    codings: Vec<Coding>,
    min_bytes: u64,
    types: Vec<MediaRange>,
}

impl Offer {
    /// `None` where the route compresses nothing.
    pub(super) fn of(config: &RouteCompression) -> Option<Self> {
        let codings = config.codings.iter().map(|coding| match coding {
            config::Coding::Br => Coding::Br,
            config::Coding::Zstd => Coding::Zstd,
            config::Coding::Gzip => Coding::Gzip,
        });
        let (min_bytes, types) = (config.min_bytes, config.types.clone());
        let offer = Self { codings: codings.collect(), min_bytes, types };
        (!offer.codings.is_empty()).then_some(offer)
    }

    /// Would a response with this head be coded for a client that likes it? One whose length nobody knows is taken to be
    /// long enough.
    pub(super) fn covers(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let fits = |of: &str| !of.eq_ignore_ascii_case(EVENTS) && self.types.iter().any(|range| range.covers(of));
        length.is_none_or(|length| length >= self.min_bytes)
            && media_type(headers).is_some_and(fits)
            && may_be_coded(status, headers)
    }

    /// The codings that the request's answer may have, best first.
    pub(super) fn accepted(&self, request: &HeaderMap) -> Accepted {
        if wants_it_whole_and_changed(request) { Accepted::of(request, &self.codings) } else { Accepted::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn offer() -> Offer {
        let types = ["text/*", "+json"].map(|text| text.parse().expect("a test type")).to_vec();
        let codings = vec![config::Coding::Gzip];
        Offer::of(&RouteCompression { codings, min_bytes: 100, types }).expect("something is offered")
    }

    #[test]
    fn what_is_covered() {
        let cases: [(&[(&'static str, &'static str)], bool); 9] = [
            (&[("content-type", "text/html; charset=utf-8"), ("content-length", "100")], true),
            (&[("content-type", "text/html"), ("content-length", "99")], false),
            (&[("content-type", "text/html")], true),
            (&[("content-type", "application/ld+json")], true),
            (&[("content-type", "image/png")], false),
            (&[("content-type", "Text/Event-Stream")], false),
            (&[("content-length", "1000")], false),
            (&[("content-type", "text/html"), ("content-encoding", "br")], false),
            (&[("content-type", "text/html"), ("cache-control", "no-transform")], false),
        ];
        for (lines, expected) in cases {
            let pairs = lines
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers = HeaderMap::from_iter(pairs);
            assert_eq!(offer().covers(StatusCode::OK, &headers), expected, "{lines:?}");
        }
    }

    #[test]
    fn no_codings_are_no_offer() {
        assert!(Offer::of(&RouteCompression { codings: Vec::new(), min_bytes: 0, types: Vec::new() }).is_none());
    }
}
