//! The bounds of a running guest: `limiter` of its memory and tables, `overtime` of its processor time, for which
//! `presence` tells who is in a guest.

pub(super) mod limiter;
pub(super) mod overtime;
pub(super) mod presence;
