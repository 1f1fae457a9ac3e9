//! Messages as guests see them: a `message` is one list of headers, `wire` writes it into guest memory, `trailers`
//! are one too, and `framing` names the fields that no guest writes.

pub(super) mod framing;
pub(super) mod message;
mod trailers;
pub(super) mod wire;
