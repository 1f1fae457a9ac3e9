//! Interim responses (1xx) of an origin, `103 Early Hints` above all, made fit for the client whose request caused the
//! fetch (RFC 9110 section 15.2, RFC 8297).
//!
//! They are never stored, filters do not see them, and who reads along with another's fetch gets none.

use bytes::{BufMut, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode, Version};

use super::mailbox::Mailbox;
use crate::body::Body;
use crate::semantics::fields;

/// Has interim answers to `request` go to the mailbox, where the client's version knows them: they came with HTTP/1.1.
pub(super) fn pass_on(request: &mut Request<Body>, client: Version, mailbox: &Mailbox, via: &HeaderValue) {
    if client < Version::HTTP_11 {
        return;
    }
    let (slip, via) = (mailbox.slip(), via.clone());
    hyper::ext::on_informational(request, move |interim| {
        if let Some(head) = head(interim.status(), interim.headers(), &via) {
            slip.post(&head);
        }
    });
}

/// The head as it goes out; `None` where it is not for the client. `100` and `101` concern one connection: the node has
/// asked for the body itself, and switches to nothing.
fn head(status: StatusCode, origin: &HeaderMap, via: &HeaderValue) -> Option<BytesMut> {
    if matches!(status, StatusCode::CONTINUE | StatusCode::SWITCHING_PROTOCOLS) || !status.is_informational() {
        return None;
    }
    let mut headers = origin.clone();
    fields::strip_hop_by_hop(&mut headers);
    // Nothing follows that could have a length (RFC 9110 section 8.6).
    headers.remove(header::CONTENT_LENGTH);
    headers.append(header::VIA, via.clone());
    let mut text = BytesMut::with_capacity(256);
    text.put_slice(b"HTTP/1.1 ");
    text.put_slice(status.as_str().as_bytes());
    text.put_u8(b' ');
    text.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    text.put_slice(b"\r\n");
    for (name, value) in &headers {
        text.put_slice(name.as_str().as_bytes());
        text.put_slice(b": ");
        text.put_slice(value.as_bytes());
        text.put_slice(b"\r\n");
    }
    text.put_slice(b"\r\n");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIA: HeaderValue = HeaderValue::from_static("1.1 edge-1");

    fn sent(status: u16, lines: &[(&'static str, &'static str)]) -> Option<String> {
        let lines = lines.iter().map(|(name, value)| (header::HeaderName::from_static(name), *value));
        let headers = lines.map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        let head = head(StatusCode::from_u16(status).expect("a test status"), &headers, &VIA)?;
        Some(String::from_utf8(head.to_vec()).expect("text"))
    }

    #[test]
    fn what_concerns_one_connection_only_stays_behind() {
        let hints =
            [("link", "</a.css>; rel=preload"), ("connection", "x-own"), ("x-own", "1"), ("content-length", "3")];
        let expected = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nvia: 1.1 edge-1\r\n\r\n";
        assert_eq!(sent(103, &hints).as_deref(), Some(expected));
    }

    #[test]
    fn every_interim_status_goes_on_but_those_of_one_connection() {
        for (status, goes_on) in [(100, false), (101, false), (102, true), (103, true), (199, true), (200, false)] {
            assert_eq!(sent(status, &[]).is_some(), goes_on, "{status}");
        }
        assert_eq!(sent(199, &[]).as_deref(), Some("HTTP/1.1 199 \r\nvia: 1.1 edge-1\r\n\r\n"));
    }
}
