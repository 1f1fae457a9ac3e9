//! Behaviour tests: HTTP to a node in this process, with a scripted origin behind it.
//!
//! Each asserts what a user could see: the response, the counters, and what the origin was asked.

mod admin;
mod bad_origins;
mod bad_requests;
mod caching;
mod collapsing;
mod demonstration;
mod draining;
mod filters;
mod forwarding;
mod hostile_filters;
mod logging;
mod origins;
mod pressure;
mod spellings;
mod static_site;
mod uploads;
