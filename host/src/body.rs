//! Message bodies as the node passes them on: nothing, bytes in memory, or a stream with back-pressure.
//!
//! Every stage above speaks `Body`; none of them needs to know which it is. A stream that ends early ends in a
//! `BodyError`, which makes the listener cut the connection instead of pretending that the message is whole.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{Instant, Sleep};

/// Why a body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the sender closed before the end of the body")]
    Incomplete,
    #[error("no byte of the body came for {0:?}")]
    Stalled(Duration),
    #[error("the framing of the body is broken: {0}")]
    Malformed(String),
    #[error("nobody fills this body any more")]
    Abandoned,
    #[error("a stored slice of the body is lost")]
    SliceLost,
    #[error("a filter ended the body")]
    Filtered,
    #[error("a filter changed the length of a body whose length was promised")]
    Resized,
}

impl BodyError {
    /// The stable word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Stalled(_) => "stalled",
            Self::Malformed(_) => "malformed_body",
            Self::Abandoned => "abandoned",
            Self::SliceLost => "slice_lost",
            Self::Filtered => "filtered",
            Self::Resized => "resized",
        }
    }
}

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse() || error.is_user() { Self::Malformed(error.to_string()) } else { Self::Incomplete }
    }
}

/// A file that cannot be read to its end.
impl From<std::io::Error> for BodyError {
    fn from(_: std::io::Error) -> Self {
        Self::Incomplete
    }
}

type Stream = Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>;

/// A message body. Bytes in memory cost no allocation and no virtual call.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Stream),
}

impl Body {
    /// Any other body, with its errors turned into `BodyError`.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self::Stream(Box::pin(body.map_err(Into::into)))
    }

    /// The same body, ended with `BodyError::Stalled` where its sender is silent for longer than `gap`.
    pub fn paced(self, gap: Duration) -> Self {
        match self {
            Self::Stream(inner) => Self::Stream(Box::pin(Paced { inner, gap, timer: None })),
            at_hand => at_hand,
        }
    }
}

impl Body {
    /// The same body, known to have `length` bytes. A stream with fewer or more ends in an error.
    pub fn measured(self, length: u64) -> Self {
        match self {
            Self::Stream(inner) => Self::Stream(Box::pin(Measured { inner, left: length })),
            at_hand => at_hand,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(_) => false,
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

/// A stream whose silences are timed. The timer is made at the first silence, so a body that is at hand never pays it.
struct Paced {
    inner: Stream,
    gap: Duration,
    timer: Option<Silence>,
}

struct Silence {
    sleep: Pin<Box<Sleep>>,
    running: bool,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = self.inner.as_mut().poll_frame(cx) {
            if let Some(silence) = &mut self.timer {
                silence.running = false;
            }
            return Poll::Ready(frame);
        }
        let gap = self.gap;
        let silence =
            self.timer.get_or_insert_with(|| Silence { sleep: Box::pin(tokio::time::sleep(gap)), running: true });
        if !silence.running {
            silence.sleep.as_mut().reset(Instant::now() + gap);
            silence.running = true;
        }
        silence.sleep.as_mut().poll(cx).map(|()| Some(Err(BodyError::Stalled(gap))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A stream whose length was said beforehand.
struct Measured {
    inner: Stream,
    left: u64,
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(self.inner.as_mut().poll_frame(cx));
        match &frame {
            None if self.left > 0 => return Poll::Ready(Some(Err(BodyError::Incomplete))),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = self.left.checked_sub(length) else {
                    let cause = "the body is longer than was said".to_owned();
                    return Poll::Ready(Some(Err(BodyError::Malformed(cause))));
                };
                self.left = left;
            }
            _ => {}
        }
        Poll::Ready(frame)
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
    use http_body_util::StreamBody;

    #[tokio::test(start_paused = true)]
    async fn a_silent_sender_is_given_up_after_the_gap() {
        let silent = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, BodyError>>());
        let gap = Duration::from_secs(60);
        let start = Instant::now();
        let mut body = Body::stream(silent).paced(gap);
        let ended = body.frame().await.expect("a frame").expect_err("no data");
        assert_eq!(ended, BodyError::Stalled(gap));
        assert!(start.elapsed() >= gap);
    }

    #[tokio::test]
    async fn a_measured_body_is_as_long_as_was_said_or_breaks_off() {
        let of = |length| {
            let chunks =
                ["ab", "cd"].map(|chunk| Ok::<_, BodyError>(Frame::data(Bytes::from_static(chunk.as_bytes()))));
            Body::stream(StreamBody::new(futures_util::stream::iter(chunks))).measured(length)
        };
        assert_eq!(of(4).size_hint().exact(), Some(4));
        assert_eq!(of(4).collect().await.expect("whole").to_bytes(), "abcd");
        assert_eq!(of(5).collect().await.expect_err("short"), BodyError::Incomplete);
        assert!(matches!(of(3).collect().await.expect_err("long"), BodyError::Malformed(_)));
    }

    #[tokio::test]
    async fn bytes_at_hand_come_once_and_know_their_length() {
        let mut body = Body::from(Bytes::from_static(b"abc"));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(body.frame().await.expect("a frame").expect("data").into_data().expect("data"), "abc");
        assert!(body.frame().await.is_none());
        assert!(Body::from(Bytes::new()).is_end_stream());
    }
}
