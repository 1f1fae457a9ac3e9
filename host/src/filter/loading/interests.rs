//! Which of an exchange's later parts a module has callbacks for.
//!
//! Read from its exports at load. What no filter of a chain is interested in costs its exchanges nothing: no body is
//! wrapped, no head is kept.

use super::super::bodies::direction::Direction;

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::filter) struct Interests {
    request_body: Interest,
    request_trailers: Interest,
    response_body: Interest,
    response_trailers: Interest,
    log: Interest,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Interest {
    #[default]
    None,
    Some,
}

impl Interests {
    pub(in crate::filter) fn of(module: &wasmtime::Module) -> Self {
        let exported = |name| if module.get_export_index(name).is_some() { Interest::Some } else { Interest::None };
        Self {
            request_body: exported("proxy_on_request_body"),
            request_trailers: exported("proxy_on_request_trailers"),
            response_body: exported("proxy_on_response_body"),
            response_trailers: exported("proxy_on_response_trailers"),
            log: exported("proxy_on_log"),
        }
    }

    /// Does it see the pieces of this body?
    pub(in crate::filter) fn in_body(&self, direction: Direction) -> bool {
        let interest = match direction {
            Direction::Request => self.request_body,
            Direction::Response => self.response_body,
        };
        interest == Interest::Some
    }

    /// Does it see what follows this body?
    pub(in crate::filter) fn in_trailers(&self, direction: Direction) -> bool {
        let interest = match direction {
            Direction::Request => self.request_trailers,
            Direction::Response => self.response_trailers,
        };
        interest == Interest::Some
    }

    /// Does it see any of the message behind its head?
    pub(in crate::filter) fn behind_head(&self, direction: Direction) -> bool {
        self.in_body(direction) || self.in_trailers(direction)
    }

    /// Is there anything for it to see once the response's head is out?
    pub(in crate::filter) fn in_the_end(&self) -> bool {
        self.log == Interest::Some || self.behind_head(Direction::Response)
    }
}
