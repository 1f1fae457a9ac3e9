//! The second stage: from the file's tables to the checked model, one file per table.
//!
//! A check reads every key it knows, fills in defaults and reports what is wrong, but never stops: what it returns is
//! used only where the whole file had no fault.

mod whole;

mod admin;
mod cache;
mod cache_key;
mod compression;
mod condition;
mod disk;
mod filter;
mod filter_cache;
mod listener;
mod log;
mod node;
mod origin;
mod prefix;
mod route;
mod route_cache;
mod route_filter;
mod settings;

mod unique;

pub(super) use whole::config;
