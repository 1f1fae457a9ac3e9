//! What is to be fetched for a request: the whole, the range that it asks for, or what is missing of either.
//!
//! Decided by the lookup, carried out by the exchange.

use std::ops::Range;
use std::sync::Arc;

use http::HeaderMap;

use super::entry::Head;
use super::parts::Parts;
use crate::semantics::{RangeSpec, not_modified, range_applies};

/// What to ask the origin for.
pub enum Want {
    Whole,
    Range(RangeSpec),
    Rest(Rest),
}

/// Part of what is wanted is stored; the bytes between are to be fetched.
pub struct Rest {
    pub parts: Arc<Parts>,
    /// The range that was asked for; `None` where it was the whole.
    pub spec: Option<RangeSpec>,
    /// The bytes that it means.
    pub wanted: Range<u64>,
    /// The bytes to fetch: within `wanted`, not empty.
    pub missing: Range<u64>,
}

impl Want {
    /// Where nothing is stored.
    pub(super) fn of(request: &HeaderMap) -> Self {
        RangeSpec::of(request).map_or(Self::Whole, Self::Range)
    }

    /// Where parts are stored: the bytes that answer, none of them where none exists, or what to fetch.
    pub(super) fn beyond(parts: &Arc<Parts>, request: &HeaderMap, bytes_max: u64) -> Result<Range<u64>, Self> {
        let spec = RangeSpec::of(request).filter(|_| range_applies(request, &parts.head.headers));
        let wanted = spec.map_or(0..parts.total(), |spec| spec.within(parts.total()));
        let missing = parts.missing(&wanted);
        if missing.is_empty() || not_modified(request, &parts.head.headers, parts.head.received) {
            return Ok(wanted);
        }
        let joinable = parts.validator().is_some() && wanted.end - wanted.start <= bytes_max;
        if joinable && missing != wanted {
            return Err(Self::Rest(Rest { parts: parts.clone(), spec, wanted, missing }));
        }
        Err(spec.map_or(Self::Whole, Self::Range))
    }

    /// The head of what is stored of it.
    pub(super) fn known(&self) -> Option<&Arc<Head>> {
        match self {
            Self::Rest(rest) => Some(&rest.parts.head),
            Self::Whole | Self::Range(_) => None,
        }
    }

    /// The range that was asked for, where it is not the whole that is fetched.
    pub(super) fn spec(&self) -> Option<RangeSpec> {
        match self {
            Self::Whole => None,
            Self::Range(spec) => Some(*spec),
            Self::Rest(rest) => rest.spec,
        }
    }
}
