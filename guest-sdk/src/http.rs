//! Calls to other origins of the proxy's configuration, while an exchange waits.
//!
//! The exchange waits, not the proxy: a filter's work is put aside until the answer is there. A call is on its way once
//! [`Call::send`] returns, so several can be.
//!
//! ```
//! use forebay_sdk::prelude::*;
//! use forebay_sdk::rehearsal::{get, rehearse, response};
//! use forebay_sdk::http;
//! use std::time::Duration;
//!
//! struct Door;
//!
//! impl Filter for Door {
//!     type Settings = ();
//!     fn new((): ()) -> Self { Self }
//!     fn on_request(&self, request: &mut Request) -> Flow {
//!         request.later(async |request| {
//!             let token = request.headers().get("authorization").unwrap_or_default();
//!             let call = http::call("auth").path("/check").header("authorization", &token);
//!             match call.timeout(Duration::from_millis(200)).await {
//!                 Ok(answer) if answer.status() == 200 => {
//!                     request.headers_mut().set("x-user", answer.body());
//!                     Flow::Continue
//!                 }
//!                 Ok(_) => Flow::reply(403),
//!                 Err(_) => Flow::reply(503),
//!             }
//!         })
//!     }
//! }
//! export!(Door: calls);
//!
//! # fn main() -> Result<(), String> {
//! let door = rehearse::<Door>("")?;
//! door.on_call(|call| match (call.origin(), call.header("authorization")) {
//!     ("auth", Some("secret")) => Some(response(200).chunk("ann")),
//!     ("auth", Some(_)) => Some(response(401)),
//!     _ => None,
//! });
//! let asked = |token| door.request(get("http://shop.example/").with("authorization", token));
//! assert_eq!(asked("secret").sent().header("x-user"), Some("ann"));
//! assert_eq!(asked("guess").reply().map(|reply| reply.status()), Some(403));
//! # Ok(())
//! # }
//! ```

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::host::{Buffer, Map, calls};

pub use crate::answer::{Answer, Fault};
pub use crate::later::later;

/// As long as a call may take that sets no other limit.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A call to be sent.
///
/// ```
/// # use forebay_sdk::{http, rehearsal::{alone, response}};
/// let call = http::call("auth").method("POST").path("/check").header("accept", "text/plain").body("ann");
/// let answer = alone::waiting(call, |call| {
///     assert_eq!((call.method(), call.target(), call.body()), ("POST", "/check", &b"ann"[..]));
///     Some(response(204))
/// });
/// assert_eq!(answer.map(|answer| answer.status()), Ok(204));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a call does nothing until it is sent or awaited"]
pub struct Call {
    origin: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
}

/// A call on its way; dropped, its answer is not wanted any more.
///
/// ```
/// # use forebay_sdk::{http, rehearsal::{alone, response}};
/// let work = async {
///     let asked = http::call("auth").send();
///     // There is time for something else here.
///     asked.await
/// };
/// assert!(alone::waiting(work, |_| Some(response(200))).is_ok());
/// ```
#[derive(Debug)]
#[must_use = "the answer comes where this is awaited"]
pub struct Sent(Option<u32>);

/// A `GET` of `/` at an origin, until more is said.
///
/// ```
/// # use forebay_sdk::{http, rehearsal::{alone, response}};
/// let answer = alone::waiting(http::call("users"), |call| {
///     assert_eq!((call.origin(), call.method(), call.target()), ("users", "GET", "/"));
///     Some(response(200))
/// });
/// assert!(answer.is_ok());
/// ```
pub fn call(origin: &str) -> Call {
    let headers = [(":method", "GET"), (":path", "/"), (":authority", origin), (":scheme", "http")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Call { origin: origin.to_owned(), headers, body: Vec::new(), timeout: TIMEOUT }
}

impl Call {
    /// Sets the method.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").method("HEAD");
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.method(), "HEAD");
    ///     None
    /// });
    /// ```
    pub fn method(self, method: &str) -> Self {
        self.pseudo(0, method)
    }

    /// Sets path and query.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").path("/check?user=ann");
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.target(), "/check?user=ann");
    ///     None
    /// });
    /// ```
    pub fn path(self, path: &str) -> Self {
        self.pseudo(1, path)
    }

    /// Sets the host; without it, it is the origin's name.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").host("auth.shop.example");
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.header(":authority"), Some("auth.shop.example"));
    ///     None
    /// });
    /// ```
    pub fn host(self, host: &str) -> Self {
        self.pseudo(2, host)
    }

    /// Adds a header.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").header("Authorization", "secret");
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.header("authorization"), Some("secret"));
    ///     None
    /// });
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets the body.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").method("POST").body("user=ann");
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.body(), b"user=ann");
    ///     None
    /// });
    /// ```
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how long the answer may take, in whole milliseconds; 5 s without it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let call = http::call("auth").timeout(Duration::from_millis(200));
    /// _ = alone::waiting(call, |call| {
    ///     assert_eq!(call.timeout(), Duration::from_millis(200));
    ///     None
    /// });
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the call.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse, response};
    /// use forebay_sdk::http;
    ///
    /// struct Both;
    ///
    /// impl Filter for Both {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.later(async |_| {
    ///             let (left, right) = (http::call("left").send(), http::call("right").send());
    ///             match (left.await, right.await) {
    ///                 (Ok(left), Ok(right)) => Flow::reply(200).body([left.body(), right.body()].concat()),
    ///                 _ => Flow::reply(502),
    ///             }
    ///         })
    ///     }
    /// }
    /// export!(Both: calls);
    ///
    /// # fn main() -> Result<(), String> {
    /// let both = rehearse::<Both>("")?;
    /// both.on_call(|call| Some(response(200).chunk(call.origin())));
    /// let exchange = both.request(get("http://shop.example/"));
    /// assert_eq!(exchange.reply().map(|reply| reply.body()), Some(&b"leftright"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(self) -> Sent {
        let timeout = self.timeout.as_millis().clamp(1, u32::MAX.into()) as u32;
        let sent = calls::http_call(&self.origin, &self.headers, &self.body, timeout).ok();
        if let Some(id) = sent {
            let call = UnderWay { id, context: CONTEXT.get(), state: State::Waits };
            CALLS.with_borrow_mut(|calls| {
                // What a plugin waits for is also in the copies that the proxy makes of it for exchanges, in which the same
                // number may come again.
                calls.retain(|known| known.id != id);
                calls.push(call);
            });
        }
        Sent(sent)
    }

    fn pseudo(mut self, position: usize, value: &str) -> Self {
        value.clone_into(&mut self.headers[position].1);
        self
    }
}

impl IntoFuture for Call {
    type Output = Result<Answer, Fault>;
    type IntoFuture = Sent;

    fn into_future(self) -> Sent {
        self.send()
    }
}

impl Future for Sent {
    type Output = Result<Answer, Fault>;

    fn poll(self: Pin<&mut Self>, _: &mut Context) -> Poll<Self::Output> {
        let Some(id) = self.0 else { return Poll::Ready(Err(Fault::Refused)) };
        CALLS.with_borrow_mut(|calls| match calls.iter_mut().find(|call| call.id == id) {
            Some(call) => match std::mem::replace(&mut call.state, State::Taken) {
                State::Answered(answer) => Poll::Ready(answer.ok_or(Fault::Unanswered)),
                State::Taken => Poll::Ready(Err(Fault::Unanswered)),
                State::Waits => {
                    call.state = State::Waits;
                    Poll::Pending
                }
            },
            None => Poll::Ready(Err(Fault::Unanswered)),
        })
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            CALLS.with_borrow_mut(|calls| calls.retain(|call| call.id != id));
        }
    }
}

struct UnderWay {
    id: u32,
    /// The exchange, or plugin, that waits for it.
    context: u32,
    state: State,
}

enum State {
    Waits,
    Answered(Option<Answer>),
    Taken,
}

thread_local! {
    static CALLS: RefCell<Vec<UnderWay>> = const { RefCell::new(Vec::new()) };
    static CONTEXT: Cell<u32> = const { Cell::new(0) };
}

/// Says whose calls are sent from here on.
pub(crate) fn speak_for(context: u32) {
    CONTEXT.set(context);
}

/// Whose calls are sent now.
pub(crate) fn speaker() -> u32 {
    CONTEXT.get()
}

/// The exchange, or plugin, that waits for a call.
pub(crate) fn waits_for(id: u32) -> Option<u32> {
    CALLS.with_borrow(|calls| calls.iter().find(|call| call.id == id).map(|call| call.context))
}

/// Takes the answer to a call over from the proxy; without a single header there is none.
pub(crate) fn answered(id: u32, headers: usize, body_bytes: usize, trailers: usize) {
    let answer = (headers > 0).then(|| Answer {
        headers: calls::headers(Map::Answer),
        body: if body_bytes > 0 { calls::buffer(Buffer::Answer, body_bytes) } else { Vec::new() },
        trailers: if trailers > 0 { calls::headers(Map::AnswerTrailers) } else { Vec::new() },
    });
    CALLS.with_borrow_mut(|calls| {
        if let Some(call) = calls.iter_mut().find(|call| call.id == id) {
            call.state = State::Answered(answer);
        }
    });
}
