//! What can be wrong with an origin, as far as a stale response may stand in for it (RFC 5861 section 4).

use http::StatusCode;

use super::proxy_status::ProxyError;

/// A kind of trouble with an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, or one that broke or brought something that is not HTTP before there was a whole head.
    Connect,
    /// No connection or no head in time.
    Timeout,
    /// It answers, with one of the statuses that the section calls an error.
    ServerError,
}

impl Trouble {
    pub const ALL: [Self; 3] = [Self::Connect, Self::Timeout, Self::ServerError];

    /// The stable word, as `stale_on` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::ServerError => "5xx",
        }
    }

    /// The trouble behind a fetch that brought no answer; `None` where it was not the origin's.
    pub fn of_failure(error: ProxyError) -> Option<Self> {
        match error {
            ProxyError::ConnectionTimeout | ProxyError::HttpResponseTimeout | ProxyError::ConnectionReadTimeout => {
                Some(Self::Timeout)
            }
            // A fetch says so of an answer that a stale response may stand in for.
            ProxyError::HttpResponseIncomplete => Some(Self::ServerError),
            ProxyError::HttpRequestError
            | ProxyError::HttpRequestStalled
            | ProxyError::HttpRequestDenied
            | ProxyError::DestinationNotFound => None,
            _ => Some(Self::Connect),
        }
    }

    /// 500, 502, 503 and 504, as RFC 5861 section 4 lists them. Other statuses of the class say something about the
    /// request or for good, not that the origin is unwell.
    pub fn of_status(status: StatusCode) -> Option<Self> {
        matches!(status.as_u16(), 500 | 502..=504).then_some(Self::ServerError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_failures_and_statuses_are_trouble() {
        let failures = [
            (ProxyError::ConnectionRefused, Some(Trouble::Connect)),
            (ProxyError::DnsError, Some(Trouble::Connect)),
            (ProxyError::HttpProtocolError, Some(Trouble::Connect)),
            (ProxyError::ConnectionTimeout, Some(Trouble::Timeout)),
            (ProxyError::HttpResponseTimeout, Some(Trouble::Timeout)),
            (ProxyError::HttpRequestError, None),
            (ProxyError::HttpRequestStalled, None),
        ];
        for (error, expected) in failures {
            assert_eq!(Trouble::of_failure(error), expected, "{error:?}");
        }
        for status in [200, 404, 429, 499, 501, 505, 507, 511] {
            assert_eq!(Trouble::of_status(StatusCode::from_u16(status).expect("a status")), None, "{status}");
        }
        for status in [500, 502, 503, 504] {
            let trouble = Trouble::of_status(StatusCode::from_u16(status).expect("a status"));
            assert_eq!(trouble, Some(Trouble::ServerError), "{status}");
        }
    }
}
