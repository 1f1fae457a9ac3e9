//! Decisions that take time: an exchange waits while a filter's work waits for [`http`](crate::http) calls.

use crate::flow::{Later, Work};
use crate::{Flow, Request, Response};

/// Keeps an exchange waiting until `work` has decided about it, in a callback for the end of a body or for trailers.
///
/// The work takes along what it needs, as body and trailers have to be changed before it begins. Before the end of a body
/// it is as [`Flow::Hold`]: nothing is begun, and the callback sees the body again with what follows. In header callbacks
/// [`Request::later`] and [`Response::later`] do this and lend the message.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{request, rehearse, response};
/// use forebay_sdk::http;
///
/// struct Scanned;
///
/// impl Filter for Scanned {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_request_body(&self, body: &mut Body) -> Flow {
///         match body.whole(64 * 1024) {
///             Whole::Partly => Flow::Hold,
///             Whole::TooLarge => Flow::reply(413),
///             Whole::Ready(bytes) => http::later(async {
///                 match http::call("scanner").method("POST").body(bytes).await {
///                     Ok(answer) if answer.status() == 200 => Flow::Continue,
///                     Ok(_) => Flow::reply(422),
///                     Err(_) => Flow::reply(503),
///                 }
///             }),
///         }
///     }
/// }
/// export!(Scanned: request_body, calls);
///
/// # fn main() -> Result<(), String> {
/// let scanned = rehearse::<Scanned>("")?;
/// scanned.on_call(|call| Some(response(if call.body() == b"virus" { 403 } else { 200 })));
/// let upload = || request("POST", "http://shop.example/upload");
/// assert_eq!(scanned.request(upload().chunk("vi").chunk("rus")).reply().map(|reply| reply.status()), Some(422));
/// assert_eq!(scanned.request(upload().chunk("pic").chunk("ture")).sent().body(), b"picture");
/// # Ok(())
/// # }
/// ```
pub fn later(work: impl Future<Output = Flow> + 'static) -> Flow {
    Flow::Later(Later::new(Box::pin(async { (work.await, None) })))
}

impl Request {
    /// Keeps the request waiting until `work` has decided about it, for a filter that is exported with `calls`. Callbacks
    /// for bodies and trailers wait by [`http::later`](crate::http::later).
    ///
    /// ```
    /// # use forebay_sdk::{http, prelude::*, rehearsal::{get, rehearse, response}};
    /// # struct Plan;
    /// impl Filter for Plan {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.later(async |request| match http::call("plans").path(&request.path()).await {
    ///             Ok(plan) => {
    ///                 request.headers_mut().set("x-plan", plan.body());
    ///                 Flow::Continue
    ///             }
    ///             Err(_) => Flow::reply(503),
    ///         })
    ///     }
    /// }
    /// export!(Plan: calls);
    /// let plan = rehearse::<Plan>("")?;
    /// assert_eq!(plan.request(get("http://shop.example/ann")).reply().map(|reply| reply.status()), Some(503));
    /// plan.on_call(|call| Some(response(200).chunk(if call.target() == "/ann" { "free" } else { "none" })));
    /// assert_eq!(plan.request(get("http://shop.example/ann")).sent().header("x-plan"), Some("free"));
    /// # Ok::<(), String>(())
    /// ```
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
    ///
    /// ```
    /// # use forebay_sdk::{http, prelude::*, rehearsal::{get, rehearse, response}};
    /// # struct Status;
    /// impl Filter for Status {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         if response.status() < 500 { return Flow::Continue; }
    ///         response.later(async |_| match http::call("sorry").await {
    ///             Ok(page) => Flow::reply(503).body(page.body()),
    ///             Err(_) => Flow::Continue,
    ///         })
    ///     }
    /// }
    /// export!(Status: calls);
    /// let status = rehearse::<Status>("")?;
    /// status.on_call(|_| Some(response(200).chunk("back soon")));
    /// let answer = status.request(get("http://shop.example/")).respond(response(502));
    /// assert_eq!((answer.status(), answer.body()), (503, &b"back soon"[..]));
    /// # Ok::<(), String>(())
    /// ```
    pub fn later<W: AsyncFnOnce(&mut Self) -> Flow + 'static>(&mut self, work: W) -> Flow {
        let mut response = self.take();
        let work: Work = Box::pin(async move {
            let flow = work(&mut response).await;
            (flow, response.into_memo())
        });
        Flow::Later(Later::new(work))
    }
}
