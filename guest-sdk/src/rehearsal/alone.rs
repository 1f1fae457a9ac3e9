//! Parts of a filter rehearsed alone: a function that takes a request, a type that counts, work that waits for calls.
//!
//! They run in the world that a thread has outside any rehearsal; what they log and count there can be looked at.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::body::End;
use crate::host::{Buffer, Level};
use crate::rehearsal::called::Called;
use crate::rehearsal::calls;
use crate::rehearsal::message::Message;
use crate::rehearsal::passage::Passage;
use crate::{Body, Request, Response, http};

/// Shows a request to a function and tells what it left.
///
/// ```
/// use forebay_sdk::Request;
/// use forebay_sdk::rehearsal::{alone, get};
///
/// fn hide(request: &mut Request) {
///     request.headers_mut().remove("cookie");
/// }
///
/// assert_eq!(alone::request(get("http://shop.example/").with("cookie", "a=b"), hide).header("cookie"), None);
/// ```
pub fn request(message: Message, look: impl FnOnce(&mut Request)) -> Message {
    on_request(message, || look(&mut Request::new(None)))
}

/// Shows a response to a function and tells what it left.
///
/// ```
/// use forebay_sdk::rehearsal::{alone, response};
///
/// let left = alone::response(response(404), |response| response.set_status(410));
/// assert_eq!(left.status(), 410);
/// ```
pub fn response(mut message: Message, look: impl FnOnce(&mut Response)) -> Message {
    calls::look(|world| std::mem::swap(&mut world.response, &mut message));
    look(&mut Response::to(Request::new(None)));
    calls::look(|world| {
        std::mem::swap(&mut world.response, &mut message);
        message.verbs.extend(std::mem::take(&mut world.verbs));
    });
    message
}

/// Shows a message's body to a function, piece by piece, and tells what it left.
///
/// ```
/// use forebay_sdk::rehearsal::{alone, response};
///
/// let left = alone::body(response(200).chunk("a").chunk("b"), |body| body.append("."));
/// assert_eq!(left.body(), b"a.b.");
/// ```
pub fn body(mut message: Message, mut look: impl FnMut(&mut Body)) -> Message {
    let mut passage = Passage::of(std::mem::take(&mut message.chunks), End::Reached);
    let mut memo = None;
    while let Some((bytes, end)) = passage.next() {
        let end = if end { End::Reached } else { End::Ahead };
        calls::look(|world| world.body = std::mem::take(&mut passage.held));
        message = on_request(message, || {
            let mut body = Body::new(Buffer::Request, bytes, end, Request::new(memo.take()));
            look(&mut body);
            memo = body.into_memo();
        });
        passage.sent.extend(calls::look(|world| std::mem::take(&mut world.body)));
    }
    message.body = passage.into_sent();
    message
}

/// Does work that waits for calls, each answered by `origins`; `None` where one does not answer.
///
/// ```
/// use forebay_sdk::http;
/// use forebay_sdk::rehearsal::{alone, response};
///
/// async fn knows(user: &str) -> bool {
///     let answer = http::call("users").path(user).await;
///     answer.is_ok_and(|answer| answer.status() == 200)
/// }
///
/// let known = alone::waiting(knows("/ann"), |call| Some(response(if call.target() == "/ann" { 200 } else { 404 })));
/// assert!(known);
/// assert!(!alone::waiting(knows("/bob"), |_| None));
/// ```
///
/// # Panics
/// If the work waits for anything but a call.
pub fn waiting<W: IntoFuture>(work: W, mut origins: impl FnMut(&Called) -> Option<Message>) -> W::Output {
    let mut work = pin!(work.into_future());
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
        let sent = calls::look(|world| world.under_way.pop_front());
        let (id, called) = sent.expect("work that waits has called somebody");
        let answer = origins(&called).unwrap_or_default();
        let (headers, bytes, trailers) = calls::look(|world| world.take_answer(answer));
        http::answered(id, headers, bytes, trailers);
    }
}

/// What was logged on this thread outside any rehearsal.
///
/// ```
/// use forebay_sdk::log;
/// use forebay_sdk::rehearsal::alone;
///
/// log::warn("no rules");
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Warn, "no rules".to_owned())));
/// ```
pub fn logs() -> Vec<(Level, String)> {
    calls::look(|world| world.logs.clone())
}

/// A metric as it was counted on this thread outside any rehearsal, read as
/// [`Rehearsal::metric`](crate::rehearsal::Rehearsal::metric) reads it.
///
/// ```
/// use forebay_sdk::metric::Counter;
/// use forebay_sdk::rehearsal::alone;
///
/// Counter::new("alone_total").add(2);
/// assert_eq!(alone::metric("alone_total"), 2);
/// ```
pub fn metric(name: &str) -> i64 {
    calls::look(|world| world.metric(name).unwrap_or_default())
}

fn on_request(mut message: Message, look: impl FnOnce()) -> Message {
    calls::look(|world| {
        world.properties = message.properties.iter().cloned().collect();
        std::mem::swap(&mut world.request, &mut message);
    });
    look();
    calls::look(|world| {
        std::mem::swap(&mut world.request, &mut message);
        message.verbs.extend(std::mem::take(&mut world.verbs));
        world.properties.clear();
    });
    message
}
