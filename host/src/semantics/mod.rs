//! HTTP as the RFCs define it, in pure functions: no clock, no I/O, no configuration.
//!
//! `request` and `path` take a request's target apart, `fields` holds what concerns single header fields, `storing`,
//! `freshness` and `cache_control` decide what a shared cache may keep and for how long, `selection` and `spelling` which
//! requests it answers (RFC 9111), `query` and `no_vary_search` which queries name one thing, `conditional` and
//! `range` which part of it a client needs, `range_spec`, `content_range` and `validator` how parts are asked for, placed
//! and told apart, `coding` and `recode` in which form it is sent (RFC 9110), `cache_status` and
//! `proxy_status` say afterwards what was done and what went wrong (RFC 9211, RFC 9209).

#[cfg(test)]
mod arbitrary;
mod cache_control;
mod cache_status;
mod cdn_loop;
mod coding;
mod conditional;
mod content_range;
pub mod fields;
mod freshness;
mod no_vary_search;
mod path;
mod proxy_status;
mod query;
mod range;
mod range_spec;
mod recode;
mod request;
mod reuse;
mod selection;
mod spelling;
mod storing;
mod validator;

pub use cache_control::CacheControl;
pub use cache_status::{CacheStatus, Forwarded, Outcome};
pub use cdn_loop::{LoopMark, Signatures};
pub use coding::{Accepted, Coding};
pub use conditional::{
    none_match_names, not_modified, only_for_origins, range_applies, reduce_to_not_modified, update, validation,
};
pub use content_range::ContentRange;
pub use freshness::http_date;
pub use no_vary_search::NoVarySearch;
pub use path::for_routing;
pub use proxy_status::ProxyError;
pub use query::{Kept, Order, QueryRules};
pub use range::{Pieces, pieces};
pub use range_spec::RangeSpec;
pub use recode::{keep_tag_weak, may_be_coded, media_type, recode, vary_by_coding, wants_it_whole_and_changed};
pub use request::{BadTarget, RequestHead, normal_authority};
pub use reuse::{Reuse, reuse, usable_on_error};
pub use selection::Selection;
pub use storing::{Candidate, Freshness, Refusal, Verdict};
pub use validator::StrongValidator;
