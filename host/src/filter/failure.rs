//! How a filter fails one exchange.
//!
//! Made by `seats` when a callback ends badly, counted and logged there, and carried to the exchange by `Verdict::Fail`.
//! Every kind has one stable word, used alike in the log, the metric label and `Proxy-Status`.

use std::fmt;
use std::sync::Arc;

use super::one_line::one_line;

/// A filter that failed an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFailure {
    /// The name of the filter.
    pub filter: Arc<str>,
    /// Where it was.
    pub callback: Callback,
    pub kind: FailureKind,
}

impl fmt::Display for FilterFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter {} failed in {}: {}", self.filter, self.callback.word(), self.kind.word())
    }
}

impl std::error::Error for FilterFailure {}

/// What a guest was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// A new instance: start, vm start and configure.
    Start,
    /// The stream's context is created, then its request headers are handed over.
    RequestHeaders,
    /// One piece of a body.
    RequestBody,
    /// What follows it.
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    /// The answer to one of its calls.
    CallResponse,
    /// The end of the exchange: log, done and delete.
    Done,
    Tick,
    QueueReady,
}

impl Callback {
    /// The word in logs and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::RequestHeaders => "request_headers",
            Self::RequestBody => "request_body",
            Self::RequestTrailers => "request_trailers",
            Self::ResponseHeaders => "response_headers",
            Self::ResponseBody => "response_body",
            Self::ResponseTrailers => "response_trailers",
            Self::CallResponse => "http_call_response",
            Self::Done => "done",
            Self::Tick => "tick",
            Self::QueueReady => "queue_ready",
        }
    }
}

/// Why a callback failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The guest trapped: a panic, a bad address, a division by zero, a stack that ran out.
    Trap,
    /// The guest ran longer than `callback_deadline`.
    Deadline,
    /// The guest was refused more memory than `memory_bytes_max`, and trapped on it.
    Memory,
    /// The guest paused the exchange, and nothing can resume it, or nothing did within `pause_max`.
    NeverResumed,
    /// The guest left a header or trailer section larger than `header_count_max` or `header_bytes_max`.
    Headers,
    /// The guest held back more of a body than `body_buffer`.
    BodyBuffer,
    /// A new instance could not be made.
    Start,
    /// Another exchange broke the instance that this one shared with it.
    Lost,
    /// The filter has failed too often, and was not entered.
    Breaker,
}

impl FailureKind {
    pub(super) const ALL: [Self; 9] = [
        Self::Trap,
        Self::Deadline,
        Self::Memory,
        Self::NeverResumed,
        Self::Headers,
        Self::BodyBuffer,
        Self::Start,
        Self::Lost,
        Self::Breaker,
    ];

    /// The word in logs, labels and `Proxy-Status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::NeverResumed => "never_resumed",
            Self::Headers => "headers",
            Self::BodyBuffer => "body_buffer",
            Self::Start => "start",
            Self::Lost => "lost",
            Self::Breaker => "breaker",
        }
    }
}

/// A callback that ended badly, with what the log should say about it.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) kind: FailureKind,
    /// The root cause, in the sandbox's words.
    pub(super) cause: String,
    /// The guest's frames with their function names, where it was running.
    pub(super) backtrace: String,
}

impl Broken {
    pub(super) fn new(kind: FailureKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into(), backtrace: String::new() }
    }

    /// A pause that nothing ended.
    pub(super) fn never_resumed(cause: impl Into<String>) -> Self {
        Self::new(FailureKind::NeverResumed, cause)
    }

    /// An instance that went with another exchange's failure.
    pub(super) fn lost() -> Self {
        Self::new(FailureKind::Lost, "another exchange broke the instance they shared")
    }

    /// An instance that could not be made, or not made ready for an exchange.
    pub(super) fn start(error: impl fmt::Display) -> Self {
        Self::new(FailureKind::Start, one_line(&error.to_string()))
    }
}
