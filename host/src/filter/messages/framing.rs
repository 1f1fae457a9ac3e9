//! Fields that guests read but do not change: what frames a message, and what two ends of a connection tell each other.
//!
//! The node alone knows the body and the connection that a message goes out with. A guest that could write
//! `Content-Length` or `Transfer-Encoding` could make one message look like two (RFC 9112 section 11.2). Writing such a
//! field is answered with OK and does nothing: SDKs end the guest on any other answer, and filters made for other hosts
//! remove `Content-Length` as a matter of course. `Trailer` is not among them: a guest that adds trailers announces them.

use http::header::{self, HeaderMap, HeaderName};

const FIELDS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether only the node writes the field `name`.
pub(in crate::filter) fn is_reserved(name: &HeaderName) -> bool {
    FIELDS.contains(name)
}

/// Puts the reserved fields of `before` into `after`, which has none.
pub(in crate::filter) fn carry_over(before: &HeaderMap, after: &mut HeaderMap) {
    for name in &FIELDS {
        for value in before.get_all(name) {
            after.append(name.clone(), value.clone());
        }
    }
}
