//! What came of one exchange, for a judge to compare.

use http::response;

use super::cases::Action;
use super::content::Whole;
use super::switchboard::Asked;
use crate::body::BodyError;
use crate::filter::FilterFailure;
use crate::semantics::RequestHead;

pub(super) struct Outcome {
    pub(super) action: Action,
    /// The request that goes on; `None` where the filter answered or failed.
    pub(super) sent: Option<(RequestHead, Whole)>,
    /// `None` where there is none: the filter closed the stream or failed.
    pub(super) response: Option<(response::Parts, Whole)>,
    pub(super) failure: Option<Failing>,
    pub(super) origin: Option<String>,
    /// The values of the properties asked for, in that order.
    pub(super) properties: Vec<Option<String>>,
    /// In the order in which they went out.
    pub(super) calls: Vec<Asked>,
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Failing {
    Filter(FilterFailure),
    /// What the filter made of a body cannot be sent.
    Body(BodyError),
}

impl Failing {
    /// The stable word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Filter(failure) => failure.kind.word(),
            Self::Body(error) => error.word(),
        }
    }
}
