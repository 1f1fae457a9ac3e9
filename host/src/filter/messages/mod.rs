//! Messages as guests see them: a `message` is one list of headers, `wire` writes it into guest memory, `trailers`
//! are one too, `framing` names the fields that no guest writes, and `growth` is what one has written.

pub(super) mod framing;
pub(super) mod growth;
pub(super) mod message;
mod trailers;
pub(super) mod wire;
