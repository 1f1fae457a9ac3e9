//! HTTP as the RFCs define it, in pure functions: no clock, no I/O, no configuration.
//!
//! `request`, `path` and `fields` take messages apart. `storing`, `freshness`, `cache_control`, `targeted`, `withheld`,
//! `policy`, `trouble` decide what a shared cache may keep and for how long (RFC 9111, 9213), `surrogate` what is not for
//! browsers, `selection`, `spelling`, `query`, `no_vary_search`, `wishes`, `reuse` which requests it answers, `conditional`,
//! `range`, `coding`, `recode`, `head_update` with what of it. `cache_status`, `proxy_status`, `cdn_loop` say what was done.

mod cache_control;
mod cache_status;
mod cdn_loop;
mod coding;
mod conditional;
pub mod fields;
mod freshness;
mod head_update;
mod no_vary_search;
mod path;
mod policy;
mod proxy_status;
mod query;
mod range;
mod recode;
mod request;
mod reuse;
mod selection;
mod spelling;
mod storing;
mod surrogate;
mod targeted;
#[cfg(test)]
mod tests;
mod trouble;
mod wishes;
mod withheld;

pub use cache_control::CacheControl;
pub use cache_status::{CacheStatus, Forwarded, Outcome};
pub use cdn_loop::{LoopMark, Signatures};
pub use coding::{Accepted, Coding};
pub use conditional::{
    none_match_names, not_modified, only_for_origins, range_applies, reduce_to_not_modified, update, validation,
};
pub use freshness::{http_date, initial_age};
pub use head_update::{Comparison, compare};
pub use no_vary_search::NoVarySearch;
pub use path::{covers, for_routing, has_escapes};
pub use policy::{Overrides, Policy};
pub use proxy_status::ProxyError;
pub use query::{Kept, Order, QueryRules};
pub use range::{ContentRange, Pieces, RangeSpec, StrongValidator, forget_content_digests, pieces};
pub use recode::{keep_tag_weak, may_be_coded, media_type, recode, vary_by_coding, wants_it_whole_and_changed};
pub use request::{BadTarget, RequestHead, normal_authority};
pub use reuse::{Reuse, reuse, usable_on_error};
pub use selection::Selection;
pub use storing::{Candidate, Freshness, LifetimeSource, Refusal, Verdict};
pub use surrogate::{NAME_BYTES_MAX, SurrogateFields, Tags, add_tags, hide_from_browsers, invalidated_groups};
pub use targeted::Targets;
pub use trouble::Trouble;
pub use wishes::Wishes;
pub use withheld::withhold;
