//! What a message has behind its head: as a case writes it, and whole, as it came out.
//!
//! `Pieces` become a body that comes like one from a connection, `Whole` is what is left of one that was read to its end.

use std::fmt;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::body::{Body, BodyError};

/// A body as a case writes it: a string, or a list of strings that come one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Bytes>);

/// A body to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Pieces {
    /// The body, with what follows it. Its length is promised where no trailers are written: as on a connection, a filter
    /// can then add none, and must say beforehand that it changes the length.
    pub(super) fn body(&self, trailers: Option<&HeaderMap>) -> Body {
        let last = trailers.filter(|trailers| !trailers.is_empty());
        match (&*self.0, trailers) {
            ([], _) if last.is_none() => return Body::Empty,
            ([whole], None) => return Body::Full(whole.clone()),
            _ => {}
        }
        let data = self.0.iter().cloned().map(Frame::data);
        let frames: Vec<_> = data.chain(last.cloned().map(Frame::trailers)).map(Ok::<_, BodyError>).collect();
        let body = Body::stream(StreamBody::new(stream::iter(frames)));
        match trailers {
            None => body.measured(self.0.iter().map(|piece| piece.len() as u64).sum()),
            Some(_) => body,
        }
    }
}

impl Whole {
    /// Reads `body` to its end.
    pub(super) async fn of(body: Body) -> Result<Self, BodyError> {
        if let Body::Full(bytes) = body {
            return Ok(Self { bytes, trailers: HeaderMap::new() });
        }
        let collected = body.collect().await?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Ok(Self { bytes: collected.to_bytes(), trailers })
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PiecesVisitor)
    }
}

struct PiecesVisitor;

impl<'de> Visitor<'de> for PiecesVisitor {
    type Value = Pieces;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a list of the strings that come one after the other")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pieces, E> {
        Ok(Pieces(if text.is_empty() { Vec::new() } else { vec![Bytes::copy_from_slice(text.as_bytes())] }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pieces, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = list.next_element::<String>()? {
            pieces.push(Bytes::from(piece));
        }
        // No connection brings a piece without bytes.
        pieces.retain(|piece| !piece.is_empty());
        Ok(Pieces(pieces))
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        body: Pieces,
    }

    #[tokio::test]
    async fn pieces_come_one_by_one_and_trailers_behind_them() {
        let trailers = HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("a"))]);
        let none = HeaderMap::new();
        for (written, given, frames, length) in [
            ("''", None, 0, Some(0)),
            ("[]", Some(&none), 0, Some(0)),
            ("'ab'", None, 1, Some(2)),
            ("'ab'", Some(&none), 1, None),
            ("['a', '', 'b']", None, 2, Some(2)),
            ("['a', 'b']", Some(&trailers), 3, None),
            ("''", Some(&trailers), 1, None),
        ] {
            let file: File = toml::from_str(&format!("body = {written}")).expect("it is a body");
            let mut body = file.body.body(given);
            assert_eq!(body.size_hint().exact(), length, "{written}");
            let mut seen = 0;
            while body.frame().await.is_some() {
                seen += 1;
            }
            assert_eq!(seen, frames, "{written}");
            let whole = Whole::of(file.body.body(given)).await.expect("it is whole");
            assert_eq!(&whole.trailers, given.unwrap_or(&none), "{written}");
        }
    }

    #[test]
    fn what_is_no_body_is_refused() {
        for written in ["1", "true", "[1]", "{}"] {
            assert!(toml::from_str::<File>(&format!("body = {written}")).is_err(), "{written}");
        }
    }
}
