//! How a write to shared data ends.

use std::fmt::{self, Display, Formatter};

/// Which write a value is from; 0 is no write.
///
/// ```
/// use forebay_sdk::shared::{Cas, get, set};
///
/// # fn main() -> Result<(), forebay_sdk::shared::Fault> {
/// let of_key = || -> Option<Cas> { Some(get("cas")?.1) };
/// set("cas", "1")?;
/// let before = of_key();
/// set("cas", "1")?;
/// assert_ne!(of_key(), before, "a value that was written again is another write");
/// # Ok(())
/// # }
/// ```
pub type Cas = u32;

/// Why something was not written or read.
///
/// ```
/// use forebay_sdk::shared::{Fault, get, set, set_if};
///
/// # fn main() -> Result<(), Fault> {
/// set("door", "open")?;
/// let cas = get("door").map(|(_, cas)| cas).unwrap_or_default();
/// set("door", "shut")?;
/// assert_eq!(set_if("door", "open", cas), Err(Fault::Changed));
/// # Ok(())
/// # }
/// ```
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
