//! HTTP as the RFCs define it, in pure functions: no clock, no I/O, no configuration.
//!
//! `request` and `path` take a request's target apart, `fields` holds what concerns single header fields, `storing`,
//! `freshness` and `cache_control` decide what a shared cache may keep and for how long (RFC 9111), with `targeted` what
//! is addressed to this one (RFC 9213), `withheld` what it keeps back, `policy` the operator's part and `trouble` what
//! stale responses stand in for; `wishes` and `reuse` say whether it answers a request, `conditional` and `range` which
//! part of it a client needs (RFC 9110), `head_update` what a HEAD tells of it; `cache_status` and `proxy_status` say
//! afterwards what was done and what went wrong (RFC 9211, RFC 9209).

mod cache_control;
mod cache_status;
mod conditional;
pub mod fields;
mod freshness;
mod head_update;
mod path;
mod policy;
mod proxy_status;
mod range;
mod request;
mod reuse;
mod storing;
mod targeted;
mod trouble;
mod wishes;
mod withheld;

pub use cache_control::CacheControl;
pub use cache_status::{CacheStatus, Forwarded, Outcome};
pub use conditional::{
    none_match_names, not_modified, only_for_origins, range_applies, reduce_to_not_modified, update, validation,
};
pub use freshness::http_date;
pub use head_update::{Comparison, compare};
pub use path::for_routing;
pub use policy::Policy;
pub use proxy_status::ProxyError;
pub use range::{Pieces, pieces};
pub use request::{BadTarget, RequestHead, normal_authority};
pub use reuse::{Reuse, reuse, usable_on_error};
pub use storing::{Candidate, Freshness, Refusal, Selection, Verdict};
pub use targeted::Targets;
pub use trouble::Trouble;
pub use wishes::Wishes;
pub use withheld::withhold;
