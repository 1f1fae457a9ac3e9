//! What keeps track of a memory's pages: a `sealed` image that is laid over a `linear_memory` of our own, and which of its
//! pages have been `tracked` as written. It takes sealed files, protected pages and a signal handler inside the sandbox's
//! own; `untracked` stands here where these are not to be had.

mod linear_memory;
mod sealed;
mod tracked;

pub(in crate::filter) use linear_memory::prepare;
pub(in crate::filter) use sealed::Sealed;
#[cfg(test)]
pub(in crate::filter) use tracked::FORGOTTEN_AFTER;
pub(in crate::filter) use tracked::{Difference, KEPT_MAX, Tracked};
