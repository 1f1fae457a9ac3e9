//! A call to another origin that a filter made in a rehearsal.

use std::time::Duration;

use crate::rehearsal::message::Message;

/// What an origin is asked, for [`Rehearsal::on_call`](crate::rehearsal::Rehearsal::on_call) to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    pub(crate) origin: String,
    pub(crate) timeout: Duration,
    pub(crate) message: Message,
}

impl Called {
    /// The origin by its name in the proxy's configuration.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How long the answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.message.method()
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        self.message.target()
    }

    /// The first value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.message.body()
    }
}
