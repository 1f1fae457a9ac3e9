//! The one trait of a filter: how it is built, and what it may see.

use serde::de::DeserializeOwned;

use crate::{Flow, Request, Response};

/// A filter: built once from its settings, then called for each request and response.
///
/// The proxy may hand every request a fresh copy of the filter as `new` left it, so nothing written to `self` (through
/// a cell) is certain to last. What one exchange must carry from its request to its response goes through
/// [`Request::remember`] and [`Response::recall`].
pub trait Filter: 'static {
    /// What the operator writes under `[filters.NAME.settings]`; `()` for a filter that has none. Where nothing is
    /// written, it is read from an empty table. See [`settings`](crate::settings) for faults that name their key.
    type Settings: DeserializeOwned;

    /// Builds the filter. Whatever can be wrong with the settings is found while they are read, so this cannot fail.
    fn new(settings: Self::Settings) -> Self;

    /// Sees a request's headers before the proxy looks into its cache.
    fn on_request(&self, _request: &mut Request) -> Flow {
        Flow::Continue
    }

    /// Sees a response's headers on their way to the client, also of a response that a filter itself made.
    fn on_response(&self, _response: &mut Response) -> Flow {
        Flow::Continue
    }
}
