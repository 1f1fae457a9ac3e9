//! Which of an exchange's two messages a body belongs to, and what follows from it.

use super::super::abi::{BufferType, MapType};
use super::super::failure::Callback;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Direction {
    /// From the client to the origin: filters in chain order.
    Request,
    /// From the node to the client: filters in reverse order.
    Response,
}

impl Direction {
    /// The buffer that guests read this body by.
    pub(in crate::filter) fn buffer(self) -> BufferType {
        match self {
            Self::Request => BufferType::RequestBody,
            Self::Response => BufferType::ResponseBody,
        }
    }

    /// The map that guests read its trailers by.
    pub(in crate::filter) fn trailers(self) -> MapType {
        match self {
            Self::Request => MapType::RequestTrailers,
            Self::Response => MapType::ResponseTrailers,
        }
    }

    pub(in crate::filter) fn callback(self) -> Callback {
        match self {
            Self::Request => Callback::RequestBody,
            Self::Response => Callback::ResponseBody,
        }
    }

    pub(in crate::filter) fn trailers_callback(self) -> Callback {
        match self {
            Self::Request => Callback::RequestTrailers,
            Self::Response => Callback::ResponseTrailers,
        }
    }
}
