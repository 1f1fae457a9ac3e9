//! Bodies on their way through the filters of an exchange.
//!
//! `filtered_body` hands each frame to the seats in one `direction`; a `piece` is what a guest sees and may change of
//! it, an `ending` the last one with its trailers, and the `heads` are those that it reads meanwhile.

pub(super) mod direction;
pub(super) mod ending;
pub(super) mod filtered_body;
pub(super) mod heads;
pub(super) mod piece;
