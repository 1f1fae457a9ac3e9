//! Fields that guests read but do not change: what frames a message, and what two ends of a connection tell each other.
//!
//! The node alone knows the body and the connection that a message goes out with. A guest that could write
//! `Content-Length` or `Transfer-Encoding` could make one message look like two (RFC 9112 section 11.2). Writing such a
//! field is answered with OK and does nothing: SDKs end the guest on any other answer, and filters made for other hosts
//! remove `Content-Length` as a matter of course. `Trailer` is not among them: a guest that adds trailers announces them.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::super::abi::Status;
use super::wire::Pair;

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

/// The fields of a message that a guest makes. Pseudo headers are said otherwise, and reserved ones are the node's to
/// write: both are passed over.
pub(in crate::filter) fn fields(pairs: &[Pair<'_>]) -> Result<HeaderMap, Status> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with(b":")) {
        let name = HeaderName::from_bytes(name).map_err(|_| Status::BadArgument)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?;
        if !is_reserved(&name) {
            headers.try_append(name, value).map_err(|_| Status::BadArgument)?;
        }
    }
    Ok(headers)
}

/// Puts the reserved fields of `before` into `after`, which has none.
pub(in crate::filter) fn carry_over(before: &HeaderMap, after: &mut HeaderMap) {
    for name in &FIELDS {
        for value in before.get_all(name) {
            after.append(name.clone(), value.clone());
        }
    }
}
