//! The time of day, as the proxy knows it.
//!
//! `SystemTime::now()` panics in a WebAssembly module without a system interface; the type itself is fine there.

use std::time::{Duration, SystemTime};

use crate::host::calls;

/// The time of day.
///
/// ```
/// use std::time::SystemTime;
/// assert!(forebay_sdk::now() > SystemTime::UNIX_EPOCH);
/// ```
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(calls::now_nanos())
}
