//! What a proxy tells of an exchange besides its messages: properties, by their names in the proxy's documentation.
//!
//! A filter sets some too, for filters after it and for the log.

use std::time::Duration;

use crate::Request;
use crate::host::calls;

impl Request {
    /// A property that is a text, by its name in the proxy's documentation: `request.protocol`.
    pub fn property(&self, name: &str) -> Option<String> {
        calls::property(&name.replace('.', "\0")).and_then(|value| String::from_utf8(value).ok())
    }

    /// A property that is a number: `source.port`.
    pub fn property_number(&self, name: &str) -> Option<i64> {
        let value = calls::property(&name.replace('.', "\0"))?;
        Some(i64::from_le_bytes(value.try_into().ok()?))
    }

    /// A property that is yes or no: `connection.mtls`.
    pub fn property_bool(&self, name: &str) -> Option<bool> {
        calls::property(&name.replace('.', "\0"))?.first().map(|byte| *byte != 0)
    }

    /// A property that is a duration in nanoseconds: `request.duration`.
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
