//! HTTP calls that guests make: to the node's origins, several at a time, each answered by a callback.
//!
//! A guest wishes for a call in a callback; when that is over the call is an exchange's (`table`) and is carried out
//! (`outcall`) by what the node gives (`dispatch`). Its answer is lent to the guest in a callback of its own (`arrivals`),
//! which may end a wait (`pauses`, `wakers`). Guests are never entered while they run: what a callback asks for comes after it.

pub(super) mod arrivals;
pub(super) mod dispatch;
pub(super) mod outcall;
pub(super) mod pauses;
pub(super) mod table;
pub(super) mod wakers;
