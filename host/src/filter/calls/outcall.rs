//! One call on its way: a whole request, and the answer once all of it is there.
//!
//! Guests are shown an answer in one piece, so it is collected here, held to a time and to a size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, response};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::dispatch::{CallFailure, Dispatch};
use crate::body::Body;

/// A call that a guest wants made.
#[derive(Debug)]
pub(in crate::filter) struct Outcall {
    /// By which the guest knows its answer again.
    pub(in crate::filter) token: u32,
    pub(in crate::filter) origin: String,
    pub(in crate::filter) request: Request<Body>,
    pub(in crate::filter) timeout: Duration,
    /// Of the answer's body.
    pub(in crate::filter) bytes_max: usize,
}

/// A call's answer, whole.
#[derive(Debug)]
pub(in crate::filter) struct CallAnswer {
    pub(in crate::filter) parts: response::Parts,
    pub(in crate::filter) body: Bytes,
    pub(in crate::filter) trailers: Option<HeaderMap>,
}

/// How a call ended.
pub(in crate::filter) type Ending = Result<Box<CallAnswer>, CallFailure>;

impl Outcall {
    /// Carries the call out. Dropping the future ends it.
    pub(in crate::filter) async fn perform(self, dispatch: Arc<dyn Dispatch>) -> Ending {
        let Self { origin, request, timeout, bytes_max, .. } = self;
        let whole = async {
            let (parts, body) = dispatch.dispatch(&origin, request).await?.into_parts();
            let collected = Limited::new(body, bytes_max).collect().await.map_err(|error| {
                let too_large = error.is::<LengthLimitError>();
                if too_large { CallFailure::TooLarge } else { CallFailure::Body(error.to_string()) }
            })?;
            let trailers = collected.trailers().cloned();
            Ok(Box::new(CallAnswer { parts, body: collected.to_bytes(), trailers }))
        };
        tokio::time::timeout(timeout, whole).await.unwrap_or(Err(CallFailure::Timeout))
    }
}
