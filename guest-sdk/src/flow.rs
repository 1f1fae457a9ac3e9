//! What a callback decides: go on, or answer in place.

use std::cell::RefCell;
use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::rc::Rc;

use crate::memo::Memo;

/// What becomes of an exchange after a callback.
///
/// ```
/// use forebay_sdk::Flow;
///
/// let Flow::Reply(reply) = Flow::reply(429).header("retry-after", "5").body("slow down\n") else { unreachable!() };
/// assert_eq!((reply.status(), reply.header("retry-after"), reply.body()), (429, Some("5"), &b"slow down\n"[..]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// On to the next filter, the cache, the origin or the client.
    Continue,
    /// Answer with this. In a request callback nothing further sees the request; in a response callback it takes the
    /// response's place.
    Reply(Reply),
    /// Keep this piece of a body and show it again with the next; only body callbacks can hold.
    Hold,
    /// Wait for work that is under way; [`Request::later`](crate::Request::later), [`Response::later`] and
    /// [`http::later`](crate::http::later) make it.
    ///
    /// [`Response::later`]: crate::Response::later
    Later(Later),
}

/// Work that decides about an exchange once it is done.
///
/// ```
/// use forebay_sdk::Flow;
/// use forebay_sdk::rehearsal::{alone, get};
///
/// alone::request(get("http://shop.example/"), |request| {
///     assert!(matches!(request.later(async |_| Flow::reply(403)), Flow::Later(_)));
/// });
/// ```
#[derive(Clone)]
pub struct Later(Rc<RefCell<Option<Work>>>);

/// What such work comes to: the decision, and what the exchange remembers.
pub(crate) type Work = Pin<Box<dyn Future<Output = (Flow, Option<Memo>)>>>;

/// A response that a filter makes itself.
///
/// ```
/// use forebay_sdk::{Flow, Reply};
///
/// fn refusal(flow: &Flow) -> Option<&Reply> {
///     if let Flow::Reply(reply) = flow { Some(reply).filter(|reply| reply.status() >= 400) } else { None }
/// }
///
/// assert!(refusal(&Flow::reply(403)).is_some());
/// assert!(refusal(&Flow::redirect(302, "/login")).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Flow {
    /// Answers with `status` and, until [`Flow::body`] gives one, no body.
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::reply(204) else { unreachable!() };
    /// assert_eq!((reply.status(), reply.body()), (204, &b""[..]));
    /// ```
    pub fn reply(status: u16) -> Self {
        Self::Reply(Reply { status, headers: Vec::new(), body: Vec::new() })
    }

    /// Sends the client to `location` with a status of 301, 302, 303, 307 or 308.
    ///
    /// ```
    /// use forebay_sdk::Flow;
    /// assert_eq!(Flow::redirect(308, "/new"), Flow::reply(308).header("location", "/new"));
    /// ```
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::reply(status).header("location", location)
    }

    /// Adds a header to the reply; does nothing on [`Flow::Continue`].
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::reply(503).header("Retry-After", "30") else { unreachable!() };
    /// assert_eq!(reply.header("retry-after"), Some("30"));
    /// assert_eq!(Flow::Continue.header("retry-after", "30"), Flow::Continue);
    /// ```
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply(reply) = &mut self {
            reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// Gives the reply its body; does nothing on [`Flow::Continue`].
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::reply(403).body("not for you\n") else { unreachable!() };
    /// assert_eq!(reply.body(), b"not for you\n");
    /// ```
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Self::Reply(reply) = &mut self {
            reply.body = body.into();
        }
        self
    }
}

impl Later {
    pub(crate) fn new(work: Work) -> Self {
        Self(Rc::new(RefCell::new(Some(work))))
    }

    /// The work, the first time it is asked for.
    pub(crate) fn take(&self) -> Option<Work> {
        self.0.take()
    }
}

impl Debug for Later {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str("Later")
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Later {}

impl Reply {
    /// The status code.
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::redirect(308, "/new") else { unreachable!() };
    /// assert_eq!(reply.status(), 308);
    /// ```
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header, its name in lower case.
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::redirect(308, "/new") else { unreachable!() };
    /// assert_eq!((reply.header("location"), reply.header("vary")), (Some("/new"), None));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    ///
    /// ```
    /// # use forebay_sdk::Flow;
    /// let Flow::Reply(reply) = Flow::reply(200).body([1, 2, 3]) else { unreachable!() };
    /// assert_eq!(reply.body(), [1, 2, 3]);
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}
