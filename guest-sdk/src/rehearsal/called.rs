//! A call to another origin that a filter made in a rehearsal.

use std::time::Duration;

use crate::rehearsal::message::Message;

/// What an origin is asked, for [`Rehearsal::on_call`](crate::rehearsal::Rehearsal::on_call) to answer.
///
/// ```
/// # use forebay_sdk::{http, rehearsal::{alone, response}};
/// use forebay_sdk::rehearsal::{Called, Message};
///
/// fn auth(called: &Called) -> Option<Message> {
///     (called.target() == "/check").then(|| response(200))
/// }
///
/// assert!(alone::waiting(http::call("auth").path("/check"), auth).is_ok());
/// assert!(alone::waiting(http::call("auth").path("/chekc"), auth).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    pub(crate) origin: String,
    pub(crate) timeout: Duration,
    pub(crate) message: Message,
}

impl Called {
    /// The origin by its name in the proxy's configuration.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth"), |called| {
    ///     assert_eq!(called.origin(), "auth");
    ///     Some(response(200))
    /// });
    /// ```
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How long the answer may take.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth"), |called| {
    ///     assert_eq!(called.timeout().as_secs(), 5, "where the filter sets no other");
    ///     Some(response(200))
    /// });
    /// ```
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The method.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth").method("POST"), |called| {
    ///     assert_eq!(called.method(), "POST");
    ///     Some(response(200))
    /// });
    /// ```
    pub fn method(&self) -> &str {
        self.message.method()
    }

    /// Path and query.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth").path("/check?user=ann"), |called| {
    ///     assert_eq!(called.target(), "/check?user=ann");
    ///     Some(response(200))
    /// });
    /// ```
    pub fn target(&self) -> &str {
        self.message.target()
    }

    /// The first value of a header, its name in lower case.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth").header("X-User", "ann"), |called| {
    ///     assert_eq!(called.header("x-user"), Some("ann"));
    ///     Some(response(200))
    /// });
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }

    /// The body.
    ///
    /// ```
    /// # use forebay_sdk::{http, rehearsal::{alone, response}};
    /// _ = alone::waiting(http::call("auth").method("POST").body("ann"), |called| {
    ///     assert_eq!(called.body(), b"ann");
    ///     Some(response(200))
    /// });
    /// ```
    pub fn body(&self) -> &[u8] {
        self.message.body()
    }
}
