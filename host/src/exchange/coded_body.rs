//! A body that is given a content coding while it passes, for one client.
//!
//! It holds nothing back: where its source is silent, what has come is flushed. Coding is processor time on a worker that
//! others wait for, so after a stretch of it the others have their turn.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::sync::OwnedSemaphorePermit;

use super::coding_metrics::Meter;
use super::encoder::Encoder;
use crate::body::{Body, BodyError};

/// Coded in one go: about half a millisecond at a fast level.
const STRETCH_BYTES: usize = 64 << 10;

/// Handed to the encoder at once.
const PIECE_BYTES: usize = 16 << 10;

pub(super) struct CodedBody {
    source: Body,
    /// `None` after the end.
    encoder: Option<Encoder>,
    /// Come from the source, and not coded yet.
    uncoded: Bytes,
    /// Bytes coded since others had their turn.
    stretch: usize,
    /// The encoder may hold something back.
    unflushed: bool,
    meter: Meter,
    _slot: OwnedSemaphorePermit,
}

impl CodedBody {
    pub(super) fn new(source: Body, encoder: Encoder, meter: Meter, slot: OwnedSemaphorePermit) -> Self {
        let (uncoded, stretch, unflushed) = (Bytes::new(), 0, false);
        Self { source, encoder: Some(encoder), uncoded, stretch, unflushed, meter, _slot: slot }
    }

    /// Codes the next piece of what is at hand.
    fn code(&mut self) -> Result<Bytes, BodyError> {
        let piece = self.uncoded.split_to(self.uncoded.len().min(PIECE_BYTES));
        self.stretch += piece.len();
        self.unflushed = true;
        self.meter.read(piece.len());
        self.with_encoder(|encoder| {
            encoder.push(&piece)?;
            Ok(encoder.take())
        })
    }

    fn flush(&mut self) -> Result<Bytes, BodyError> {
        self.unflushed = false;
        self.with_encoder(|encoder| {
            encoder.flush()?;
            Ok(encoder.take())
        })
    }

    fn finish(&mut self) -> Result<Bytes, BodyError> {
        let Some(encoder) = self.encoder.take() else { return Ok(Bytes::new()) };
        let start = Instant::now();
        let rest = encoder.finish()?;
        self.meter.wrote(rest.len(), start.elapsed());
        Ok(Bytes::from(rest))
    }

    fn with_encoder(
        &mut self,
        work: impl FnOnce(&mut Encoder) -> Result<Bytes, std::io::Error>,
    ) -> Result<Bytes, BodyError> {
        let Some(encoder) = &mut self.encoder else { return Ok(Bytes::new()) };
        let start = Instant::now();
        let out = work(encoder)?;
        self.meter.wrote(out.len(), start.elapsed());
        Ok(out)
    }

    /// The next coded bytes, which may be none; `None` at the end.
    fn poll_coded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.encoder.is_none() {
            return Poll::Ready(None);
        }
        if !self.uncoded.is_empty() {
            if self.stretch < STRETCH_BYTES {
                return Poll::Ready(Some(self.code()));
            }
            self.stretch = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.source).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers may speak of the bytes as they were, and may be left out (RFC 9110 section 6.5.1).
                self.uncoded = frame.into_data().unwrap_or_default();
                Poll::Ready(Some(Ok(Bytes::new())))
            }
            Poll::Ready(Some(Err(error))) => {
                self.encoder = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => Poll::Ready(Some(self.finish())),
            Poll::Pending => {
                self.stretch = 0;
                if self.unflushed { Poll::Ready(Some(self.flush())) } else { Poll::Pending }
            }
        }
    }
}

impl HttpBody for CodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match std::task::ready!(self.poll_coded(cx)) {
                Some(Ok(nothing)) if nothing.is_empty() => {}
                coded => return Poll::Ready(coded.map(|coded| coded.map(Frame::data))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use futures_util::future::poll_immediate;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::exchange::encoder::Levels;
    use crate::exchange::encoder::tests::decode;
    use crate::semantics::Coding;

    fn coded(coding: Coding, source: Body) -> CodedBody {
        let levels = Levels::of(&crate::config::Compression {
            jobs_max: 1,
            streams_max: 1,
            br_level: 5,
            zstd_level: 6,
            gzip_level: 6,
        });
        let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one is free");
        CodedBody::new(source, Encoder::streaming(coding, levels).expect("an encoder"), Meter::unread(), slot)
    }

    /// A source that gives these results, with a silence where there is none.
    fn source(script: Vec<Option<Result<&'static [u8], BodyError>>>) -> Body {
        let mut script = VecDeque::from(script);
        let stream = futures_util::stream::poll_fn(move |cx| match script.pop_front() {
            None => Poll::Ready(None),
            Some(None) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Some(result)) => Poll::Ready(Some(result.map(|bytes| Frame::data(Bytes::from_static(bytes))))),
        });
        Body::stream(StreamBody::new(stream))
    }

    #[tokio::test]
    async fn a_silence_holds_nothing_back() {
        for coding in Coding::ALL {
            let script = vec![Some(Ok(&b"one"[..])), Some(Ok(&b", two"[..])), None, Some(Ok(&b", three"[..]))];
            let mut body = coded(coding, source(script));
            let first = body.frame().await.expect("a frame").expect("data").into_data().expect("data");
            let mut whole = first.to_vec();
            whole.extend_from_slice(&body.collect().await.expect("whole").to_bytes());
            assert_eq!(decode(coding, &whole).expect("whole"), b"one, two, three", "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_does_not_end_well() {
        for coding in Coding::ALL {
            let body = coded(coding, source(vec![Some(Ok(b"one")), Some(Err(BodyError::Incomplete))]));
            assert_eq!(body.collect().await.expect_err("cut"), BodyError::Incomplete, "{coding:?}");
        }
    }

    #[tokio::test]
    async fn others_have_their_turn_while_a_large_piece_is_coded() {
        let large = vec![b'a'; 4 * STRETCH_BYTES];
        let mut body = coded(Coding::Gzip, Body::from(Bytes::from(large.clone())));
        let (mut turns, mut whole) = (0, Vec::new());
        while !body.is_end_stream() {
            match poll_immediate(body.frame()).await {
                None => turns += 1,
                Some(Some(frame)) => whole.extend_from_slice(frame.expect("data").data_ref().expect("data")),
                Some(None) => break,
            }
        }
        assert!(turns >= 3, "{turns}");
        assert_eq!(decode(Coding::Gzip, &whole).expect("whole"), large);
    }

    #[tokio::test]
    async fn an_empty_body_is_a_whole_one() {
        for coding in Coding::ALL {
            let whole = coded(coding, Body::Empty).collect().await.expect("whole").to_bytes();
            assert_eq!(decode(coding, &whole).expect("whole"), b"", "{coding:?}");
        }
    }
}
