//! How a write to shared data ends.

use std::fmt::{self, Display, Formatter};

/// Which write a value is from; 0 is no write.
pub type Cas = u32;

/// Why something was not written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else wrote in between.
    Changed,
    /// The key has no value, or the proxy has no such function.
    Absent,
    /// The proxy has no room for it, or no shared data at all.
    Refused,
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Changed => "somebody else wrote in between",
            Self::Absent => "there is no such value, or no such function",
            Self::Refused => "the proxy refused",
        })
    }
}

impl std::error::Error for Fault {}
