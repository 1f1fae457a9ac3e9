//! Behaviour tests: HTTP to a node in this process, with a scripted origin behind it.
//!
//! Each asserts what a user could see: the response, the counters, and what the origin was asked.

mod admin;
mod bad_origins;
mod bad_requests;
mod caching;
mod collapsing;
mod draining;
mod forwarding;
mod logging;
mod origins;
mod static_site;
