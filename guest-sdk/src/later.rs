//! Decisions that take time: an exchange waits while a filter's work waits for [`http`](crate::http) calls.

use crate::flow::{Later, Work};
use crate::{Flow, Request, Response};

impl Request {
    /// Keeps the request waiting until `work` has decided about it. Only request and response header callbacks can wait,
    /// of a filter that is exported with `calls`.
    pub fn later<W: AsyncFnOnce(&mut Self) -> Flow + 'static>(&mut self, work: W) -> Flow {
        let mut request = self.take();
        let work: Work = Box::pin(async move {
            let flow = work(&mut request).await;
            (flow, request.into_memo())
        });
        Flow::Later(Later::new(work))
    }
}

impl Response {
    /// Keeps the response waiting until `work` has decided about it, as [`Request::later`] does.
    pub fn later<W: AsyncFnOnce(&mut Self) -> Flow + 'static>(&mut self, work: W) -> Flow {
        let mut response = self.take();
        let work: Work = Box::pin(async move {
            let flow = work(&mut response).await;
            (flow, response.into_memo())
        });
        Flow::Later(Later::new(work))
    }
}
