//! A range cut out of a body that is still coming.
//!
//! A request for a range that finds the whole being fetched begins to read where its range does, and goes as soon as it
//! has its last byte.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::partial;
use crate::body::{Body, BodyError};
use crate::cache::{Follower, Head};
use crate::semantics::{ContentRange, RangeSpec, range_applies};

/// `response` with the body that a request asks for: one range of it where it can be cut, else all that comes. Without a
/// known length nobody can say where a range lies, and it is all.
pub(super) fn cut(
    request: &HeaderMap,
    head: &Head,
    response: Response<Body>,
    mut follower: Follower,
) -> Response<Body> {
    let applies = head.status == StatusCode::OK && range_applies(request, &head.headers);
    match (head.length, RangeSpec::of(request)) {
        (Some(total), Some(spec)) if applies => {
            let range = spec.within(total);
            if range.is_empty() {
                return partial::unsatisfiable(total, response);
            }
            follower.seek(range.start);
            let body = Body::stream(Stretch { inner: Some(follower), left: range.end - range.start });
            partial::piece_of(&ContentRange { range, total }, response, body)
        }
        _ => response.map(|_| Body::stream(follower)),
    }
}

/// The first bytes of another body.
struct Stretch<B> {
    /// `None` once the last byte is out: its seat is for others then.
    inner: Option<B>,
    /// Not 0 at first.
    left: u64,
}

impl<B: HttpBody<Data = Bytes, Error = BodyError> + Unpin> HttpBody for Stretch<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while let Some(inner) = &mut self.inner {
            let Some(frame) = ready!(Pin::new(inner).poll_frame(cx)) else {
                self.inner = None;
                return Poll::Ready(Some(Err(BodyError::Incomplete)));
            };
            let Ok(mut data) = frame?.into_data() else { continue };
            data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            if data.is_empty() {
                continue;
            }
            self.left -= data.len() as u64;
            if self.left == 0 {
                self.inner = None;
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    /// `0123456789` in frames of this size.
    fn digits(size: usize) -> impl HttpBody<Data = Bytes, Error = BodyError> + Unpin {
        let frames = b"0123456789".chunks(size).map(|chunk| Ok(Frame::data(Bytes::from_static(chunk))));
        StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()))
    }

    #[tokio::test]
    async fn every_length_of_every_framing() {
        for size in [1, 3, 4, 10] {
            for left in 1..=10 {
                let stretch = Stretch { inner: Some(digits(size)), left };
                assert_eq!(stretch.size_hint().exact(), Some(left));
                let bytes = stretch.collect().await.expect("all of it").to_bytes();
                assert_eq!(bytes.as_ref(), &b"0123456789"[..left as usize], "{left} by {size}");
            }
        }
    }

    #[tokio::test]
    async fn the_end_of_the_range_is_the_end() {
        let never = futures_util::stream::pending();
        let three = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"012")))]);
        let body = StreamBody::new(futures_util::StreamExt::chain(three, never));
        let mut stretch = Stretch { inner: Some(body), left: 2 };
        assert_eq!(stretch.frame().await.expect("a frame").expect("data").into_data().expect("data"), "01");
        assert!(stretch.is_end_stream() && stretch.inner.is_none());
        assert!(stretch.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_ends_before_the_range_is_incomplete() {
        let ended = Stretch { inner: Some(digits(4)), left: 11 }.collect().await;
        assert_eq!(ended.expect_err("a byte is missing"), BodyError::Incomplete);
    }
}
