//! The calls of filters, sent to the node's origins like every other request.
//!
//! Origins are the same as long as the node runs, so a reload changes nothing here.

use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue, InvalidHeaderValue};
use http::{Request, Response};

use crate::body::Body;
use crate::filter::{CallFailure, Dispatch};
use crate::origin::Origins;
use crate::semantics::LoopMark;

/// Sends on what filters ask for.
pub struct Outcalls {
    origins: Origins,
    pub(in crate::exchange) mark: LoopMark,
    pub(in crate::exchange) via: HeaderValue,
}

impl Outcalls {
    /// For the node of this name.
    pub fn new(origins: &Origins, node: &str) -> Result<Self, InvalidHeaderValue> {
        let via = HeaderValue::from_str(&format!("1.1 {node}"))?;
        let mark = LoopMark::new(node, fastrand::u64(..))?;
        Ok(Self { origins: origins.clone(), mark, via })
    }
}

impl Dispatch for Outcalls {
    fn knows(&self, origin: &str) -> bool {
        self.origins.get(origin).is_some()
    }

    fn dispatch(
        &self,
        origin: &str,
        mut request: Request<Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, CallFailure>> {
        let origin = self.origins.get(origin).cloned();
        // A filter that calls its own node would call it for that call too, and so on.
        let looped = self.mark.is_on(request.headers());
        self.mark.put_on(request.headers_mut());
        request.headers_mut().append(header::VIA, self.via.clone());
        Box::pin(async move {
            if looped {
                return Err(CallFailure::Loop);
            }
            let origin = origin.ok_or(CallFailure::UnknownOrigin)?;
            origin.fetch(request).await.map_err(|failure| CallFailure::Origin(failure.to_string()))
        })
    }
}
