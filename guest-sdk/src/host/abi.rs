//! The words that filter and proxy share: the ABI's numbers, and what header maps are made of.

/// Which header section; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Map {
    Request = 0,
    RequestTrailers = 1,
    Response = 2,
    ResponseTrailers = 3,
    Answer = 6,
    AnswerTrailers = 7,
}

/// Which bytes; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buffer {
    Request = 0,
    Response = 1,
    Answer = 4,
}

/// Which way of an exchange; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Request = 0,
    Response = 1,
}

/// What a metric is; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// The proxy answered a call with a status that is neither success nor absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// Names and values of a header map, in order.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// How much a line of the log matters; the number is the ABI's.
///
/// ```
/// use forebay_sdk::log::Level;
///
/// assert!(Level::Error > Level::Warn && Level::Debug > Level::Trace);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace = 0,
    /// Why one exchange went as it did.
    Debug = 1,
    /// The life of the filter.
    Info = 2,
    /// Worth a look today.
    Warn = 3,
    /// Worth a look now.
    Error = 4,
    /// The filter cannot go on.
    Critical = 5,
}
