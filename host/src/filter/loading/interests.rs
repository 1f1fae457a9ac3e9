//! Which of an exchange's later parts a module has callbacks for.
//!
//! Read from its exports at load. What no filter of a chain is interested in costs its exchanges nothing: no body is
//! wrapped, no head is kept.

use super::super::bodies::direction::Direction;

#[derive(Debug, Clone, Copy, Default)]
pub(in crate::filter) struct Interests {
    request_body: Interest,
    response_body: Interest,
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
            response_body: exported("proxy_on_response_body"),
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

    /// Is there anything for it to see once the response's head is out?
    pub(in crate::filter) fn in_the_end(&self) -> bool {
        self.log == Interest::Some || self.in_body(Direction::Response)
    }
}
