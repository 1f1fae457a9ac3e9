//! Behaviour tests: HTTP to a node in this process, with a scripted origin behind it.
//!
//! Each asserts what a user could see: the response, the counters, and what the origin was asked.

mod admin;
mod bad_origins;
mod bad_requests;
mod caching;
mod codings;
mod codings_streamed;
mod collapsing;
mod completing;
mod conditional;
mod demonstration;
mod draining;
mod filters;
mod forwarding;
mod hostile_filters;
mod interim;
mod invalidating;
mod keys;
mod lifetimes;
mod logging;
mod loops;
mod no_vary_search;
mod odd_fields;
mod origins;
mod parts;
mod pressure;
mod ranges;
mod spellings;
mod staleness;
mod static_site;
mod targeted;
mod uploads;
mod validating;
mod variants;
mod wishes;
