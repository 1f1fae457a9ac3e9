//! Numbers and texts of the tier's records: little-endian, texts with their length before them.
//!
//! Reading knows nothing of what it reads but where it ends: anything that does not fit is `None`, and never a panic.

use bytes::{Buf, BufMut, Bytes};

/// Bytes with their length before them.
pub(super) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    // No header section, key or value is that long.
    into.put_u32_le(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    into.put_slice(bytes);
}

/// The same where there may be none.
pub(super) fn put_option(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    into.put_u8(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(into, bytes);
    }
}

pub(super) fn take_bytes(from: &mut Bytes) -> Option<Bytes> {
    let length = from.try_get_u32_le().ok()? as usize;
    (length <= from.len()).then(|| from.split_to(length))
}

pub(super) fn take_option(from: &mut Bytes) -> Option<Option<Bytes>> {
    match from.try_get_u8().ok()? {
        0 => Some(None),
        1 => take_bytes(from).map(Some),
        _ => None,
    }
}
