//! Lines for the proxy's log.
//!
//! A message is anything that can be shown, so that a line with values needs no string of its own:
//!
//! ```
//! use forebay_sdk::log;
//!
//! let rules = 3;
//! log::info("ready");
//! log::debug(format_args!("{rules} rules"));
//! ```

use std::fmt::Display;

use crate::host::calls;

pub use crate::host::Level;

/// Logs every step.
pub fn trace(message: impl Display) {
    line(Level::Trace, &message);
}

/// Logs why one exchange went as it did.
pub fn debug(message: impl Display) {
    line(Level::Debug, &message);
}

/// Logs the life of the filter.
pub fn info(message: impl Display) {
    line(Level::Info, &message);
}

/// Logs what is worth a look today.
pub fn warn(message: impl Display) {
    line(Level::Warn, &message);
}

/// Logs what is worth a look now.
pub fn error(message: impl Display) {
    line(Level::Error, &message);
}

pub(crate) fn line(level: Level, message: &dyn Display) {
    calls::log(level, &message.to_string());
}
