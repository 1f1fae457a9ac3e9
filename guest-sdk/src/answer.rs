//! What comes of a call to an origin: its answer, or why there is none.

use std::fmt::{self, Display, Formatter};

use crate::host::Pairs;

/// What an origin answered.
///
/// ```
/// # use forebay_sdk::{http, rehearsal::{alone, response}};
/// let answer = alone::waiting(http::call("users"), |_| Some(response(200).with("x-plan", "free").chunk("ann")))?;
/// assert_eq!((answer.status(), answer.header("x-plan"), answer.body()), (200, Some("free"), &b"ann"[..]));
/// # Ok::<(), http::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) headers: Pairs,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Pairs,
}

/// Why there is no answer.
///
/// ```
/// use forebay_sdk::{http, rehearsal::alone};
///
/// let answer = alone::waiting(http::call("users"), |_| None);
/// assert_eq!(answer, Err(http::Fault::Unanswered));
/// assert_eq!(http::Fault::Unanswered.to_string(), "the origin did not answer in time");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The proxy did not send the call: it knows no such origin, or too many calls are under way.
    Refused,
    /// The origin did not answer, or not in time.
    Unanswered,
}

impl Answer {
    /// The status code.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let answer = alone::waiting(http::call("users"), |_| Some(response(404)));
    /// assert_eq!(answer.map(|answer| answer.status()), Ok(404), "a fault is no answer at all");
    /// ```
    pub fn status(&self) -> u16 {
        self.header(":status").and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The first value of a header, its name in lower case; `None` also where it is not UTF-8.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let answer = alone::waiting(http::call("users"), |_| Some(response(200).with("X-Plan", "free")))?;
    /// assert_eq!((answer.header("x-plan"), answer.header("x-none")), (Some("free"), None));
    /// # Ok::<(), http::Fault>(())
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The body.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// let answer = alone::waiting(http::call("users"), |_| Some(response(200).chunk("an").chunk("n")))?;
    /// assert_eq!(answer.body(), b"ann");
    /// # Ok::<(), http::Fault>(())
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The first value of a trailer, as [`Answer::header`] is of a header.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse, response};
    /// use forebay_sdk::http;
    ///
    /// struct Summed;
    ///
    /// impl Filter for Summed {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.later(async |request| match http::call("sums").await {
    ///             Ok(answer) => {
    ///                 request.headers_mut().set("x-sum", answer.trailer("x-sum").unwrap_or("none"));
    ///                 Flow::Continue
    ///             }
    ///             Err(_) => Flow::reply(502),
    ///         })
    ///     }
    /// }
    /// export!(Summed: calls);
    ///
    /// # fn main() -> Result<(), String> {
    /// let summed = rehearse::<Summed>("")?;
    /// summed.on_call(|_| Some(response(200).chunk("1+1").trailer("x-sum", "2")));
    /// assert_eq!(summed.request(get("http://shop.example/")).sent().header("x-sum"), Some("2"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn trailer(&self, name: &str) -> Option<&str> {
        first(&self.trailers, name)
    }
}

fn first<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let found = pairs.iter().find(|(known, _)| known == name.as_bytes());
    found.and_then(|(_, value)| str::from_utf8(value).ok())
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "the proxy did not send the call",
            Self::Unanswered => "the origin did not answer in time",
        })
    }
}

impl std::error::Error for Fault {}
