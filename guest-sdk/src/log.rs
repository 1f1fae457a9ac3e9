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
///
/// ```
/// # use forebay_sdk::{log, rehearsal::alone};
/// log::trace("rule 3 does not match");
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Trace, "rule 3 does not match".into())));
/// ```
pub fn trace(message: impl Display) {
    line(Level::Trace, &message);
}

/// Logs why one exchange went as it did.
///
/// ```
/// # use forebay_sdk::{log, rehearsal::alone};
/// log::debug(format_args!("blocked by rule {}", 3));
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Debug, "blocked by rule 3".into())));
/// ```
pub fn debug(message: impl Display) {
    line(Level::Debug, &message);
}

/// Logs the life of the filter.
///
/// ```
/// # use forebay_sdk::{log, rehearsal::alone};
/// log::info("ready");
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Info, "ready".into())));
/// ```
pub fn info(message: impl Display) {
    line(Level::Info, &message);
}

/// Logs what is worth a look today.
///
/// ```
/// # use forebay_sdk::{log, rehearsal::alone};
/// log::warn("a rule matches nothing");
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Warn, "a rule matches nothing".into())));
/// ```
pub fn warn(message: impl Display) {
    line(Level::Warn, &message);
}

/// Logs what is worth a look now.
///
/// ```
/// # use forebay_sdk::{log, rehearsal::alone};
/// log::error("the table is empty");
/// assert_eq!(alone::logs().last(), Some(&(log::Level::Error, "the table is empty".into())));
/// ```
pub fn error(message: impl Display) {
    line(Level::Error, &message);
}

pub(crate) fn line(level: Level, message: &dyn Display) {
    calls::log(level, &message.to_string());
}
