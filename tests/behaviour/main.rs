//! Behaviour tests: HTTP to a node in this process, with a scripted origin behind it.
//!
//! Each asserts what a user could see: the response, the counters, and what the origin was asked.

mod admin;
mod backoff;
mod bad_origins;
mod bad_requests;
mod caching;
mod codings;
mod codings_streamed;
mod collapsing;
mod conditional;
mod demonstration;
mod draining;
mod explaining;
mod filters;
mod forwarding;
mod head_updates;
mod hostile_filters;
mod interim;
mod invalidating;
mod keys;
mod lifetimes;
mod logging;
mod loops;
mod negative;
mod no_vary_search;
mod odd_fields;
mod origins;
mod pressure;
mod purge_doors;
mod purge_keys;
mod purge_races;
mod purging;
mod ranges;
mod spellings;
mod staleness;
mod stampede;
mod static_site;
mod superseding;
mod tagging;
mod targeted;
mod uploads;
mod validating;
mod variants;
mod wishes;
mod withheld;
