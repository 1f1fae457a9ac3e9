//! What a part has to say goes to the log, where a test reads it.

use proxy_wasm::hostcalls::log;
use proxy_wasm::types::LogLevel;

/// Logs `WHAT: VALUE`.
pub fn tell(what: &str, value: impl std::fmt::Display) {
    let _ = log(LogLevel::Info, &format!("{what}: {value}"));
}

/// Logs `WHAT: VALUE` as Rust writes it.
pub fn show(what: &str, value: impl std::fmt::Debug) {
    let _ = log(LogLevel::Info, &format!("{what}: {value:?}"));
}
