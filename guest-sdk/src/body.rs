//! A body as a filter sees it: piece by piece as it comes, or held back until it is whole.

use std::any::Any;

use crate::Request;
use crate::host::{Buffer, calls};
use crate::log;
use crate::memo::Memo;

/// The bytes at hand of a request's or response's body.
///
/// A body callback is called for each piece. What it leaves is sent on; with [`Flow::Hold`](crate::Flow::Hold) it is
/// kept, and the next call sees it together with what came since. The last call is at the end: with the last piece, or
/// where trailers follow, when they are there, with what was held back and no other bytes. A filter that changes a body's length removes
/// `content-length` in the header callback before. A filter names its body callbacks where it is exported, as each costs
/// every exchange: `export!(Shout: response_body);`.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
///
/// struct Shout;
///
/// impl Filter for Shout {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         response.headers_mut().remove("content-length");
///         Flow::Continue
///     }
///     fn on_response_body(&self, body: &mut Body) -> Flow {
///         let loud = body.chunk().to_ascii_uppercase();
///         body.replace(loud);
///         if body.is_end() { body.append("!"); }
///         Flow::Continue
///     }
/// }
/// export!(Shout: response_body);
///
/// # fn main() -> Result<(), String> {
/// let shout = rehearse::<Shout>("")?;
/// let answer = shout.request(get("http://shop.example/")).respond(response(200).chunk("he").chunk("llo"));
/// assert_eq!(answer.body(), b"HELLO!");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Body {
    buffer: Buffer,
    bytes: usize,
    end: End,
    request: Request,
}

/// Whether more of a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Reached,
    Ahead,
}

/// How far a body that is wanted whole has come; see [`Body::whole`].
///
/// ```
/// # use forebay_sdk::rehearsal::{alone, response};
/// use forebay_sdk::Whole;
///
/// let mut seen = Vec::new();
/// alone::body(response(200).chunk("ab").chunk("c"), |body| seen.push(body.whole(2)));
/// assert_eq!(seen, [Whole::Partly, Whole::Ready(b"c".to_vec())], "what is not held is not seen again");
/// alone::body(response(200).chunk("abc"), |body| assert_eq!(body.whole(2), Whole::TooLarge));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// All of it.
    Ready(Vec<u8>),
    /// More comes: return [`Flow::Hold`](crate::Flow::Hold).
    Partly,
    /// Larger than wanted.
    TooLarge,
}

impl Body {
    pub(crate) fn new(buffer: Buffer, bytes: usize, end: End, request: Request) -> Self {
        Self { buffer, bytes, end, request }
    }

    /// The bytes at hand.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let mut pieces = Vec::new();
    /// alone::body(response(200).chunk("he").chunk("llo"), |body| pieces.push(body.chunk()));
    /// assert_eq!(pieces, [b"he".to_vec(), b"llo".to_vec()]);
    /// ```
    pub fn chunk(&self) -> Vec<u8> {
        calls::buffer(self.buffer, self.bytes)
    }

    /// How many bytes are at hand.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let mut bytes = 0;
    /// alone::body(response(200).chunk("he").chunk("llo"), |body| bytes += body.len());
    /// assert_eq!(bytes, 5);
    /// ```
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether no bytes are at hand, as at the end of a body whose last piece came before.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// alone::body(response(200).chunk(""), |body| assert!(body.is_empty() && body.is_end()));
    /// ```
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether nothing of the body comes after these bytes.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let mut ends = Vec::new();
    /// alone::body(response(200).chunk("he").chunk("llo"), |body| ends.push(body.is_end()));
    /// assert_eq!(ends, [false, true]);
    /// ```
    pub fn is_end(&self) -> bool {
        self.end == End::Reached
    }

    /// Puts other bytes in the place of those at hand.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let left = alone::body(response(200).chunk("secret").chunk("!"), |body| {
    ///     if body.chunk() == b"secret" { body.replace("***"); }
    /// });
    /// assert_eq!(left.body(), b"***!");
    /// ```
    pub fn replace(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(0, self.bytes, bytes.as_ref());
    }

    /// Puts bytes before those at hand.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let left = alone::body(response(200).chunk("b"), |body| body.prepend("a"));
    /// assert_eq!(left.body(), b"ab");
    /// ```
    pub fn prepend(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(0, 0, bytes.as_ref());
    }

    /// Puts bytes after those at hand.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let left = alone::body(response(200).chunk("a").chunk("b"), |body| {
    ///     if body.is_end() { body.append("c"); }
    /// });
    /// assert_eq!(left.body(), b"abc");
    /// ```
    pub fn append(&mut self, bytes: impl AsRef<[u8]>) {
        self.write(self.bytes, 0, bytes.as_ref());
    }

    /// The body once it is whole, of at most `bytes_max` bytes, also where trailers follow it.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{rehearse, request};
    ///
    /// struct NoScript;
    ///
    /// impl Filter for NoScript {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request_body(&self, body: &mut Body) -> Flow {
    ///         match body.whole(1024) {
    ///             Whole::Partly => Flow::Hold,
    ///             Whole::Ready(bytes) if !bytes.starts_with(b"<script") => Flow::Continue,
    ///             Whole::Ready(_) => Flow::reply(400),
    ///             Whole::TooLarge => Flow::reply(413),
    ///         }
    ///     }
    /// }
    /// export!(NoScript: request_body);
    ///
    /// # fn main() -> Result<(), String> {
    /// let filter = rehearse::<NoScript>("")?;
    /// let comment = || request("POST", "http://shop.example/comments");
    /// let status = |exchange: forebay_sdk::rehearsal::Exchange<NoScript>| exchange.reply().map(|reply| reply.status());
    /// assert_eq!(status(filter.request(comment().chunk("<scr").chunk("ipt>"))), Some(400));
    /// assert_eq!(status(filter.request(comment().chunk("<script>").trailer("x-sum", "1"))), Some(400));
    /// assert_eq!(status(filter.request(comment().chunk([0; 1000]).chunk([0; 1000]))), Some(413));
    /// assert_eq!(filter.request(comment().chunk("a").chunk("b")).sent().body(), b"ab");
    /// # Ok(())
    /// # }
    /// ```
    pub fn whole(&self, bytes_max: usize) -> Whole {
        match self.end {
            _ if self.bytes > bytes_max => Whole::TooLarge,
            End::Reached => Whole::Ready(self.chunk()),
            End::Ahead => Whole::Partly,
        }
    }

    /// The request of the exchange.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, request};
    /// alone::body(request("PUT", "http://shop.example/cart").chunk("a"), |body| {
    ///     assert_eq!(body.request().path(), "/cart");
    /// });
    /// ```
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What this filter kept with [`Request::remember`], to be read or changed.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let left = alone::body(response(200).chunk("a").chunk("b").chunk("c"), |body| {
    ///     match body.recall::<u8>() {
    ///         Some(pieces) => *pieces += 1,
    ///         None => body.remember(1_u8),
    ///     }
    ///     if body.recall() == Some(&mut 3_u8) { body.append(" in 3"); }
    /// });
    /// assert_eq!(left.body(), b"abc in 3");
    /// ```
    pub fn recall<T: Any>(&mut self) -> Option<&mut T> {
        self.request.recall_mut()
    }

    /// Keeps a value for this exchange's later callbacks, in place of one kept before.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// alone::body(response(200).chunk("a").chunk("b"), |body| {
    ///     let begins_with_a = body.recall().copied().unwrap_or(body.chunk().starts_with(b"a"));
    ///     body.remember(begins_with_a);
    ///     assert!(begins_with_a, "what the first piece told, the second knows");
    /// });
    /// ```
    pub fn remember<T: Any>(&mut self, value: T) {
        self.request.remember(value);
    }

    pub(crate) fn into_memo(self) -> Option<Memo> {
        self.request.into_memo()
    }

    fn write(&mut self, start: usize, replaced: usize, bytes: &[u8]) {
        if calls::set_buffer(self.buffer, start, replaced, bytes).is_err() {
            log::warn("the proxy refused to change a body");
            return;
        }
        self.bytes = self.bytes - replaced + bytes.len();
    }
}
