//! Guests' log lines, on their way into the node's log.
//!
//! They carry the filter's name and the exchange's request id, and are bounded per exchange: what goes beyond is dropped,
//! and one line at the end says how much that was. What a guest says once is one line, line breaks escaped: it may repeat
//! what a client sent, and cannot make the node's log say what the node did not.

use tracing::Level;

use super::super::abi::LogLevel;
use super::super::one_line::escaped;
use super::super::state::{Moment, State};
use super::memory::{self, Slice, split};
use super::outcome::{Answer, Guest};

/// Says at `Level` what a guest said, under the target that lets operators choose how much of guests they hear.
macro_rules! say {
    ($level:ident, $state:expr, $text:expr) => {
        tracing::event!(
            target: "forebay::guest",
            Level::$level,
            filter = %$state.profile.name,
            request_id = request_id($state),
            "{}",
            escaped(&String::from_utf8_lossy($text))
        )
    };
}

pub(super) fn log(guest: &mut Guest<'_>, level: u32, text: Slice) -> Answer {
    let level = LogLevel::try_from(level)?;
    let (memory, state) = split(guest)?;
    heed(state, level, text.read(memory)?);
    Ok(())
}

/// Logs the guest's own words, and keeps those that may explain why it will not start.
pub(super) fn heed(state: &mut State, level: LogLevel, text: &[u8]) {
    if state.moment == Moment::Start && matches!(level, LogLevel::Warn | LogLevel::Error) {
        state.complaint.hear(text);
    }
    tell(state, level, text);
}

/// Logs `text`, as far as the exchange's bound allows.
pub(super) fn tell(state: &mut State, level: LogLevel, text: &[u8]) {
    if !enabled(level) {
        return;
    }
    let bytes = text.len() as u64;
    if state.log.used_bytes.saturating_add(bytes) > state.profile.limits.log_bytes_max {
        state.log.dropped_bytes += bytes;
        state.log.dropped_lines += 1;
        return;
    }
    state.log.used_bytes += bytes;
    match level {
        LogLevel::Trace => say!(TRACE, state, text),
        LogLevel::Debug => say!(DEBUG, state, text),
        LogLevel::Info => say!(INFO, state, text),
        LogLevel::Warn => say!(WARN, state, text),
        LogLevel::Error => say!(ERROR, state, text),
    }
}

/// Says how much of a guest's log was dropped, if any was.
pub(in super::super) fn tell_dropped(state: &State) {
    if state.log.dropped_lines > 0 {
        tracing::warn!(
            filter = %state.profile.name,
            request_id = request_id(state),
            dropped_lines = state.log.dropped_lines,
            dropped_bytes = state.log.dropped_bytes,
            log_bytes_max = state.profile.limits.log_bytes_max,
            "filter logs too much"
        );
    }
}

fn request_id(state: &State) -> &str {
    state.notes.as_ref().map_or("", |notes| &notes.stream.request_id)
}

/// The quietest level that is heard.
pub(super) fn level(guest: &mut Guest<'_>, out: u32) -> Answer {
    let levels = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn];
    let quietest = levels.into_iter().find(|level| enabled(*level)).unwrap_or(LogLevel::Error);
    let (memory, _) = split(guest)?;
    memory::write_u32(memory, out, quietest as u32)?;
    Ok(())
}

fn enabled(level: LogLevel) -> bool {
    match level {
        LogLevel::Trace => tracing::enabled!(target: "forebay::guest", Level::TRACE),
        LogLevel::Debug => tracing::enabled!(target: "forebay::guest", Level::DEBUG),
        LogLevel::Info => tracing::enabled!(target: "forebay::guest", Level::INFO),
        LogLevel::Warn => tracing::enabled!(target: "forebay::guest", Level::WARN),
        LogLevel::Error => tracing::enabled!(target: "forebay::guest", Level::ERROR),
    }
}
