//! Digests that are of one message's content, and of no other cut of the same representation (RFC 9530 section 2).
//!
//! `Repr-Digest` is of the representation, and holds for each of its parts.

use http::header::{HeaderMap, HeaderName};

const OF_THE_CONTENT: [HeaderName; 2] =
    [HeaderName::from_static("content-digest"), HeaderName::from_static("content-md5")];

/// Takes them out of a header section that is to have another content.
pub fn forget_content_digests(headers: &mut HeaderMap) {
    for name in &OF_THE_CONTENT {
        headers.remove(name);
    }
}
