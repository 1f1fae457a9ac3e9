//! Which build of a filter this is: the digest of its module. Its settings are told by the same.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes. Displays as its first twelve digits, which tell the builds of one filter apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::filter) struct Version([u8; 32]);

/// What stands in logs and lists.
const SHORT_BYTES: usize = 6;

impl Version {
    pub(in crate::filter) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// All digits, as `sha256sum` prints them.
    pub(in crate::filter) fn digits(&self) -> String {
        digits(&self.0)
    }
}

/// Bytes in hexadecimal.
pub(in crate::filter) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits(&self.0[..SHORT_BYTES]))
    }
}
