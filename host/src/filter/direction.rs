//! Which of an exchange's two messages a body belongs to, and what follows from it.

use super::abi::BufferType;
use super::failure::Callback;
use super::state::Moment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client to the origin: filters in chain order.
    Request,
    /// From the node to the client: filters in reverse order.
    Response,
}

impl Direction {
    /// The buffer that guests read this body by.
    pub(super) fn buffer(self) -> BufferType {
        match self {
            Self::Request => BufferType::RequestBody,
            Self::Response => BufferType::ResponseBody,
        }
    }

    pub(super) fn callback(self) -> Callback {
        match self {
            Self::Request => Callback::RequestBody,
            Self::Response => Callback::ResponseBody,
        }
    }

    /// What is lent to a guest that sees this body.
    pub(super) fn moment(self) -> Moment {
        match self {
            Self::Request => Moment::Request,
            Self::Response => Moment::Response,
        }
    }
}
