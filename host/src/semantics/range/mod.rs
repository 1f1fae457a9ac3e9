//! Byte ranges (RFC 9110 section 14): `spec` is one range as it is asked for, `pieces` what a whole `Range` field asks of a
//! representation, `content_range` where the bytes of an answer belong, `validator` by which answers are known to be of one
//! representation, so that their bytes may be joined (RFC 9111 section 3.4), and `digests` what one cut says of no other.

mod content_range;
mod digests;
mod pieces;
mod spec;
mod validator;

pub use content_range::ContentRange;
pub use digests::forget_content_digests;
pub use pieces::{Pieces, pieces};
pub use spec::RangeSpec;
pub use validator::StrongValidator;
