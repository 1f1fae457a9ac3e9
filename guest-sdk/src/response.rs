//! A response as a filter sees it, with the request it answers.

use std::any::Any;

use crate::host::Map;
use crate::memo::Memo;
use crate::{Headers, Request};

/// The response of an exchange on its way to the client.
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
///
/// struct Private;
///
/// impl Filter for Private {
///     type Settings = ();
///     fn new((): ()) -> Self { Self }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         if response.request().path().starts_with("/account") && response.status() == 200 {
///             response.headers_mut().set("cache-control", "no-store");
///         }
///         Flow::Continue
///     }
/// }
///
/// # fn main() -> Result<(), String> {
/// let answer = rehearse::<Private>("")?.request(get("http://shop.example/account")).respond(response(200));
/// assert_eq!(answer.header("cache-control"), Some("no-store"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Response {
    headers: Headers,
    request: Request,
}

impl Response {
    pub(crate) fn to(request: Request) -> Self {
        Self { headers: Headers::of(Map::Response), request }
    }

    /// The status code.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// alone::response(response(404), |response| assert_eq!(response.status(), 404));
    /// ```
    pub fn status(&self) -> u16 {
        self.headers.get(":status").and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Changes the status code.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// assert_eq!(alone::response(response(404), |response| response.set_status(410)).status(), 410);
    /// ```
    pub fn set_status(&mut self, status: u16) {
        self.headers.set(":status", status.to_string());
    }

    /// The headers.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// alone::response(response(200).with("age", "7"), |response| {
    ///     assert_eq!(response.headers().get("age").as_deref(), Some("7"));
    /// });
    /// ```
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to be changed.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, response};
    /// let answer = alone::response(response(200).with("server", "origin/1.0"), |response| {
    ///     response.headers_mut().remove("server");
    /// });
    /// assert_eq!(answer.header("server"), None);
    /// ```
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The request this answers, as the filters left it.
    ///
    /// ```
    /// # use forebay_sdk::prelude::*;
    /// # use forebay_sdk::rehearsal::{get, rehearse, response};
    /// # struct Link;
    /// impl Filter for Link {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         let link = format!("<https://{}>; rel=canonical", response.request().host());
    ///         response.headers_mut().set("link", link);
    ///         Flow::Continue
    ///     }
    /// }
    /// let answer = rehearse::<Link>("")?.request(get("http://shop.example/")).respond(response(200));
    /// assert_eq!(answer.header("link"), Some("<https://shop.example>; rel=canonical"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What this filter kept with [`Request::remember`], if it did and it is a `T`.
    ///
    /// ```
    /// # use forebay_sdk::prelude::*;
    /// # use forebay_sdk::rehearsal::{get, rehearse, response};
    /// # struct Echo;
    /// impl Filter for Echo {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.remember(request.path());
    ///         Flow::Continue
    ///     }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         assert_eq!(response.recall::<u32>(), None, "it is a String");
    ///         let path = response.recall::<String>().cloned().unwrap_or_default();
    ///         response.headers_mut().set("x-path", path);
    ///         Flow::Continue
    ///     }
    /// }
    /// let answer = rehearse::<Echo>("")?.request(get("http://shop.example/cart")).respond(response(200));
    /// assert_eq!(answer.header("x-path"), Some("/cart"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn recall<T: Any>(&self) -> Option<&T> {
        self.request.recall()
    }

    /// Sets a property, for the filters that see the response after this one and for the log; false where the proxy refuses.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse, response};
    ///
    /// struct Grade;
    ///
    /// impl Filter for Grade {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         let grade = if response.status() < 400 { "good" } else { "bad" };
    ///         response.set_property("grade", grade);
    ///         if let Some(grade) = response.request().property("grade") { response.headers_mut().set("x-grade", grade); }
    ///         Flow::Continue
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let answer = rehearse::<Grade>("")?.request(get("http://shop.example/")).respond(response(404));
    /// assert_eq!(answer.header("x-grade"), Some("bad"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_property(&mut self, name: &str, value: impl AsRef<[u8]>) -> bool {
        self.request.set_property(name, value)
    }

    pub(crate) fn take(&mut self) -> Self {
        Self::to(self.request.take())
    }

    pub(crate) fn into_memo(self) -> Option<Memo> {
        self.request.into_memo()
    }
}
