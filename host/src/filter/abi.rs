//! The numbers of the proxy-wasm ABI, as types.
//!
//! Versions 0.1.0, 0.2.0 and 0.2.1 share all of them; a module says which version it speaks by exporting a marker. The
//! guest's side of a number is always a `u32`, and one outside its enum is `Status::BadArgument`.

/// What a host call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
    BrokenConnection = 11,
    Unimplemented = 12,
}

/// The version of the ABI that a module speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abi {
    /// Header callbacks have no end-of-stream argument, and a missing header reads as an empty one.
    V0_1_0,
    V0_2_0,
    V0_2_1,
}

impl Abi {
    /// As people write it.
    pub(super) fn number(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        }
    }

    /// The version whose marker a module exports under `name`.
    pub(super) fn marked_by(name: &str) -> Option<Self> {
        match name {
            "proxy_abi_version_0_1_0" => Some(Self::V0_1_0),
            "proxy_abi_version_0_2_0" => Some(Self::V0_2_0),
            "proxy_abi_version_0_2_1" => Some(Self::V0_2_1),
            _ => None,
        }
    }
}

/// The one value of a callback's action that lets the exchange go on. All others stop it, whatever they are called in
/// the SDK at hand.
pub(super) const ACTION_CONTINUE: u32 = 0;
pub(super) const ACTION_PAUSE: u32 = 1;

/// The context of the plugin itself; streams have higher numbers.
pub(super) const ROOT_CONTEXT: u32 = 1;

/// A header map as far as this host tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    /// Of the answer to a call.
    CallHeaders,
    CallTrailers,
    /// The maps of gRPC calls: known, and never there in this version.
    Absent,
}

impl TryFrom<u32> for MapType {
    type Error = Status;

    fn try_from(number: u32) -> Result<Self, Status> {
        match number {
            0 => Ok(Self::RequestHeaders),
            1 => Ok(Self::RequestTrailers),
            2 => Ok(Self::ResponseHeaders),
            3 => Ok(Self::ResponseTrailers),
            6 => Ok(Self::CallHeaders),
            7 => Ok(Self::CallTrailers),
            4..=5 => Ok(Self::Absent),
            _ => Err(Status::BadArgument),
        }
    }
}

/// A buffer as far as this host tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BufferType {
    VmConfiguration,
    PluginConfiguration,
    RequestBody,
    ResponseBody,
    /// Of the answer to a call.
    CallBody,
    /// Connection data and what gRPC calls bring: known, and never there in this version.
    Absent,
}

impl TryFrom<u32> for BufferType {
    type Error = Status;

    fn try_from(number: u32) -> Result<Self, Status> {
        match number {
            6 => Ok(Self::VmConfiguration),
            7 => Ok(Self::PluginConfiguration),
            0 => Ok(Self::RequestBody),
            1 => Ok(Self::ResponseBody),
            4 => Ok(Self::CallBody),
            2 | 3 | 5 | 8 => Ok(Self::Absent),
            _ => Err(Status::BadArgument),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

impl TryFrom<u32> for MetricKind {
    type Error = Status;

    fn try_from(number: u32) -> Result<Self, Status> {
        match number {
            0 => Ok(Self::Counter),
            1 => Ok(Self::Gauge),
            2 => Ok(Self::Histogram),
            _ => Err(Status::BadArgument),
        }
    }
}

/// The kinds of stream a guest may continue or close: a request's and a response's, which this host treats alike. There are
/// no streams of TCP.
pub(super) fn stream_type(number: u32) -> Result<(), Status> {
    match number {
        0 | 1 => Ok(()),
        2 | 3 => Err(Status::Unimplemented),
        _ => Err(Status::BadArgument),
    }
}

/// How loud a guest's log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

impl TryFrom<u32> for LogLevel {
    type Error = Status;

    /// `CRITICAL` (5) is an error: the node's log knows nothing louder.
    fn try_from(number: u32) -> Result<Self, Status> {
        match number {
            0 => Ok(Self::Trace),
            1 => Ok(Self::Debug),
            2 => Ok(Self::Info),
            3 => Ok(Self::Warn),
            4 | 5 => Ok(Self::Error),
            _ => Err(Status::BadArgument),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_abi_is_known_and_the_next_one_is_not() {
        assert!((0..=7).all(|number| MapType::try_from(number).is_ok()));
        assert_eq!(MapType::try_from(8), Err(Status::BadArgument));
        assert!((0..=8).all(|number| BufferType::try_from(number).is_ok()));
        assert_eq!(BufferType::try_from(9), Err(Status::BadArgument));
        assert!((0..=2).all(|number| MetricKind::try_from(number).is_ok()));
        assert_eq!(MetricKind::try_from(3), Err(Status::BadArgument));
        assert!((0..=5).all(|number| LogLevel::try_from(number).is_ok()));
        assert_eq!(LogLevel::try_from(6), Err(Status::BadArgument));
        assert!((0..=1).all(|number| stream_type(number).is_ok()));
        assert!((2..=3).all(|number| stream_type(number) == Err(Status::Unimplemented)));
        assert_eq!(stream_type(4), Err(Status::BadArgument));
    }
}
