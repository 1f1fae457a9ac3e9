//! HTTP calls that guests make: to the node's origins, several at a time, each answered by a callback.
//!
//! A guest wishes for a call in a callback (`wanted`); when that is over, the call is carried out (`outcall`) by what the
//! node gives (`dispatch`), and its answer is lent to the guest in a callback of its own.

pub(super) mod dispatch;
pub(super) mod outcall;
