//! HTTP as the RFCs define it, in pure functions: no clock, no I/O, no configuration.
//!
//! `request` and `path` take a request's target apart, `fields` holds what concerns single header fields, `storing`,
//! `freshness` and `cache_control` decide what a shared cache may keep and for how long (RFC 9111), `conditional` and
//! `range` which part of it a client needs (RFC 9110), `range_spec`, `content_range` and `validator` how parts are asked
//! for, placed and told apart, `cache_status` and
//! `proxy_status` say afterwards what was done and what went wrong (RFC 9211, RFC 9209).

mod cache_control;
mod cache_status;
mod conditional;
mod content_range;
pub mod fields;
mod freshness;
mod path;
mod proxy_status;
mod range;
mod range_spec;
mod request;
mod reuse;
mod storing;
mod validator;

pub use cache_control::CacheControl;
pub use cache_status::{CacheStatus, Forwarded, Outcome};
pub use conditional::{
    none_match_names, not_modified, only_for_origins, range_applies, reduce_to_not_modified, update, validation,
};
pub use content_range::ContentRange;
pub use freshness::http_date;
pub use path::for_routing;
pub use proxy_status::ProxyError;
pub use range::{Pieces, pieces};
pub use range_spec::RangeSpec;
pub use request::{BadTarget, RequestHead, normal_authority};
pub use reuse::{Reuse, reuse, usable_on_error};
pub use storing::{Candidate, Freshness, Refusal, Selection, Verdict};
pub use validator::StrongValidator;
