//! Which build of a filter this is: the digest of its module.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a module's bytes. Displays as its first twelve digits, which tell the builds of one filter apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::filter) struct Version([u8; 32]);

/// What stands in logs and lists.
const SHORT_BYTES: usize = 6;

impl Version {
    pub(in crate::filter) fn of(module: &[u8]) -> Self {
        Self(Sha256::digest(module).into())
    }

    /// All digits, as `sha256sum` prints them.
    pub(in crate::filter) fn digits(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..SHORT_BYTES].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
