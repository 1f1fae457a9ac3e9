//! What a filter tells the proxy's cache about a request.

use crate::host::calls;
use crate::log;

/// The cache, as a request callback may steer it. Other proxies than Forebay are not disturbed by it.
#[derive(Debug)]
pub struct Cache(());

impl Cache {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Adds a part to the key, so that responses to other values of it are stored apart.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse};
    ///
    /// struct Languages;
    ///
    /// impl Filter for Languages {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.cache().key_part("language", "en");
    ///         Flow::Continue
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let languages = rehearse::<Languages>("")?;
    /// assert_eq!(languages.request(get("http://shop.example/")).key_parts(), ["language=en"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn key_part(&mut self, name: &str, value: &str) -> &mut Self {
        if calls::set_property("forebay\0cache\0key", format!("{name}={value}").as_bytes()).is_err() {
            log::debug("this proxy lets no filter add to the cache key");
        }
        self
    }
}
