//! What a proxy tells of an exchange besides its messages: properties, by their names in the proxy's documentation.
//!
//! A filter sets some too, for filters after it and for the log.

use std::time::Duration;

use crate::Request;
use crate::host::calls;

impl Request {
    /// A property that is a text, by its name in the proxy's documentation: `request.protocol`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").property("request.protocol", "HTTP/2"), |request| {
    ///     assert_eq!(request.property("request.protocol").as_deref(), Some("HTTP/2"));
    ///     assert_eq!(request.property("request.unknown"), None);
    /// });
    /// ```
    pub fn property(&self, name: &str) -> Option<String> {
        calls::property(&name.replace('.', "\0")).and_then(|value| String::from_utf8(value).ok())
    }

    /// A property that is a number: `source.port`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let port = 40_000_i64.to_le_bytes();
    /// alone::request(get("http://shop.example/").property("source.port", port), |request| {
    ///     assert_eq!(request.property_number("source.port"), Some(40_000));
    /// });
    /// ```
    pub fn property_number(&self, name: &str) -> Option<i64> {
        let value = calls::property(&name.replace('.', "\0"))?;
        Some(i64::from_le_bytes(value.try_into().ok()?))
    }

    /// A property that is yes or no: `connection.mtls`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// alone::request(get("http://shop.example/").property("connection.mtls", [1]), |request| {
    ///     assert_eq!(request.property_bool("connection.mtls"), Some(true));
    /// });
    /// ```
    pub fn property_bool(&self, name: &str) -> Option<bool> {
        calls::property(&name.replace('.', "\0"))?.first().map(|byte| *byte != 0)
    }

    /// A property that is a duration in nanoseconds: `request.duration`.
    ///
    /// ```
    /// # use forebay_sdk::rehearsal::{alone, get};
    /// let nanos = 1_500_000_i64.to_le_bytes();
    /// alone::request(get("http://shop.example/").property("request.duration", nanos), |request| {
    ///     assert_eq!(request.property_duration("request.duration").map(|duration| duration.as_micros()), Some(1_500));
    /// });
    /// ```
    pub fn property_duration(&self, name: &str) -> Option<Duration> {
        self.property_number(name).and_then(|nanos| nanos.try_into().ok()).map(Duration::from_nanos)
    }

    /// Sets a property, for filters after this one and for the log; false where the proxy refuses.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse};
    ///
    /// struct Tenant;
    ///
    /// impl Filter for Tenant {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if request.property_bool("connection.mtls") == Some(true) { request.set_property("tenant", "inner"); }
    ///         Flow::Continue
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let tenant = rehearse::<Tenant>("")?;
    /// let exchange = tenant.request(get("https://shop.example/").property("connection.mtls", [1]));
    /// assert_eq!(exchange.property("tenant"), Some(&b"inner"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_property(&mut self, name: &str, value: impl AsRef<[u8]>) -> bool {
        calls::set_property(&name.replace('.', "\0"), value.as_ref()).is_ok()
    }
}
