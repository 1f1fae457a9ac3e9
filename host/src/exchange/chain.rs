//! A body made of others, one after the other: the pieces of a stored response and what stands between them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::{Body, BodyError};

/// Bodies of known length, in the order they are sent.
struct Chain {
    links: VecDeque<Body>,
    left: u64,
}

/// All of these as one body.
pub(super) fn chain(links: impl IntoIterator<Item = Body>) -> Body {
    let mut links: VecDeque<Body> = links.into_iter().filter(|link| !link.is_end_stream()).collect();
    match links.len() {
        0 => Body::Empty,
        1 => links.pop_front().unwrap_or_default(),
        _ => {
            let left = links.iter().map(|link| link.size_hint().lower()).sum();
            Body::stream(Chain { links, left })
        }
    }
}

impl HttpBody for Chain {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while let Some(link) = self.links.front_mut() {
            match ready!(Pin::new(link).poll_frame(cx)) {
                None => _ = self.links.pop_front(),
                Some(Err(error)) => {
                    self.links.clear();
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    self.left = self.left.saturating_sub(length as u64);
                    return Poll::Ready(Some(Ok(frame)));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.links.iter().all(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    fn bytes(text: &'static str) -> Body {
        Body::from(Bytes::from_static(text.as_bytes()))
    }

    fn stream(frames: Vec<Result<&'static str, BodyError>>, length: u64) -> Body {
        let frames = frames.into_iter().map(|frame| frame.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))));
        Body::stream(StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()))).measured(length)
    }

    #[tokio::test]
    async fn links_come_in_order_and_their_lengths_add_up() {
        let mut body = chain([bytes("ab"), bytes(""), stream(vec![Ok("cd"), Ok("e")], 3), bytes("f")]);
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(body.frame().await.expect("a frame").expect("data").into_data().expect("data"), "ab");
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(body.collect().await.expect("all of it").to_bytes(), "cdef");
    }

    #[tokio::test]
    async fn nothing_comes_after_a_link_that_breaks_off() {
        let mut body = chain([stream(vec![Ok("ab"), Err(BodyError::Incomplete)], 4), bytes("cd")]);
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        assert_eq!(body.frame().await.expect("a frame").expect_err("broken off"), BodyError::Incomplete);
        assert!(body.frame().await.is_none());
    }

    #[test]
    fn one_link_is_itself_and_none_is_empty() {
        assert!(matches!(chain([bytes("ab"), Body::Empty]), Body::Full(_)));
        assert!(matches!(chain([]), Body::Empty));
    }
}
