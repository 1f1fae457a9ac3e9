//! The bounds of a running guest: `limiter` of its memory and tables, `overtime` of its processor time.

pub(super) mod limiter;
pub(super) mod overtime;
