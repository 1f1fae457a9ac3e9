//! The heads of an exchange, kept for the callbacks that come after the exchange has given them away.

use http::response;

use crate::semantics::RequestHead;

/// The heads of an exchange as its later callbacks see them.
pub(in crate::filter) struct Heads {
    pub(in crate::filter) request: RequestHead,
    pub(in crate::filter) response: Option<response::Parts>,
}
