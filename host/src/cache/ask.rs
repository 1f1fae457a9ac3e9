//! What a request brings to a lookup beside its key.

use http::header::HeaderMap;

use super::tier::Recall;
use crate::semantics::Wishes;

/// A request, as the cache sees it.
pub struct Ask<'a> {
    /// What variants are selected by.
    pub headers: &'a HeaderMap,
    pub wishes: Wishes,
    /// How the origin does; asked only where there is a stale response that could be used.
    pub standing: &'a dyn Fn(StaleUse) -> Standing,
    /// What the disk tier brought for it so far.
    pub recall: &'a Recall,
}

/// Whether an origin that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It did not fail lately.
    Well,
    /// It failed, and may be tried again.
    Due,
    /// It failed so short a while ago that it is left alone, where there is a stale response to use.
    Resting,
}

/// Why a stale response is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleUse {
    /// While the next one is fetched (RFC 5861 section 3).
    WhileRevalidate,
    /// In the place of an origin that fails (section 4).
    IfError,
    /// The same, without asking the origin again so soon.
    BackOff,
}

impl StaleUse {
    pub const ALL: [Self; 3] = [Self::WhileRevalidate, Self::IfError, Self::BackOff];

    /// The stable word for `Cache-Status` details and the metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::WhileRevalidate => "stale_while_revalidate",
            Self::IfError => "stale_if_error",
            Self::BackOff => "backoff",
        }
    }
}
