//! The `Proxy-Status` field (RFC 9209): why the node, and not the origin, made this answer.
//!
//! `ProxyError` is the error type of section 2.3 that every failure of the node maps to, with the status that the
//! section recommends.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode};

/// An error type of RFC 9209 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyError {
    DnsError,
    DestinationNotFound,
    DestinationUnavailable,
    ConnectionRefused,
    ConnectionTimeout,
    ConnectionTerminated,
    ConnectionReadTimeout,
    HttpResponseTimeout,
    HttpResponseIncomplete,
    HttpProtocolError,
    HttpRequestError,
    /// The same type where the request came too slowly.
    HttpRequestStalled,
    HttpRequestDenied,
    ProxyInternalError,
    ProxyLoopDetected,
}

impl ProxyError {
    /// The token of the section.
    pub fn token(self) -> &'static str {
        match self {
            Self::DnsError => "dns_error",
            Self::DestinationNotFound => "destination_not_found",
            Self::DestinationUnavailable => "destination_unavailable",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionTimeout => "connection_timeout",
            Self::ConnectionTerminated => "connection_terminated",
            Self::ConnectionReadTimeout => "connection_read_timeout",
            Self::HttpResponseTimeout => "http_response_timeout",
            Self::HttpResponseIncomplete => "http_response_incomplete",
            Self::HttpProtocolError => "http_protocol_error",
            Self::HttpRequestError | Self::HttpRequestStalled => "http_request_error",
            Self::HttpRequestDenied => "http_request_denied",
            Self::ProxyInternalError => "proxy_internal_error",
            Self::ProxyLoopDetected => "proxy_loop_detected",
        }
    }

    /// The status of a response made for this error.
    pub fn status(self) -> StatusCode {
        match self {
            Self::ConnectionTimeout | Self::ConnectionReadTimeout | Self::HttpResponseTimeout => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::DestinationUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DestinationNotFound => StatusCode::NOT_FOUND,
            Self::HttpRequestError => StatusCode::BAD_REQUEST,
            // RFC 9110 section 15.5.9.
            Self::HttpRequestStalled => StatusCode::REQUEST_TIMEOUT,
            Self::HttpRequestDenied => StatusCode::FORBIDDEN,
            Self::ProxyInternalError => StatusCode::INTERNAL_SERVER_ERROR,
            // The section says 502; this status says the same as the word, and is never taken for a broken origin.
            Self::ProxyLoopDetected => StatusCode::LOOP_DETECTED,
            Self::DnsError
            | Self::ConnectionRefused
            | Self::ConnectionTerminated
            | Self::HttpResponseIncomplete
            | Self::HttpProtocolError => StatusCode::BAD_GATEWAY,
        }
    }

    /// One list member in the name of `node`. What does not fit into a quoted string (RFC 8941 section 3.3.3) is left out
    /// of `details`.
    pub fn member(self, node: &str, details: &str) -> HeaderValue {
        let mut text = String::with_capacity(node.len() + details.len() + 48);
        // Writing into a String cannot fail.
        let _ = write!(text, "{node}; error={}", self.token());
        if !details.is_empty() {
            text.push_str("; details=\"");
            for c in details.chars().filter(|c| matches!(c, ' '..='~')) {
                if matches!(c, '"' | '\\') {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push('"');
        }
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("forebay; error=proxy_internal_error"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_quoted_and_never_break_the_field() {
        let cases = [
            ("", "edge-1; error=connection_refused"),
            ("origin docs", r#"edge-1; error=connection_refused; details="origin docs""#),
            ("a \"b\" \\ c", r#"edge-1; error=connection_refused; details="a \"b\" \\ c""#),
            ("line\r\nx: y\u{e9}", r#"edge-1; error=connection_refused; details="linex: y""#),
        ];
        for (details, expected) in cases {
            assert_eq!(ProxyError::ConnectionRefused.member("edge-1", details), expected);
        }
    }
}
