//! A piece of a body in a guest's hands: what it may read, and replace, for the time of one callback.
//!
//! The bytes are shared with whoever sent them until the guest writes, so that a piece that is only read is never copied.
//! The last piece comes with the message's trailers, or with room for some.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::super::abi::{BufferType, MapType, Status};
use super::direction::Direction;

#[derive(Debug, Clone)]
pub(in crate::filter) struct Piece {
    /// `Absent` where no bytes are lent.
    pub(in crate::filter) buffer: BufferType,
    pub(in crate::filter) bytes: Bytes,
    /// `Absent` where no trailers are lent.
    pub(in crate::filter) map: MapType,
    pub(in crate::filter) trailers: HeaderMap,
}

impl Default for Piece {
    fn default() -> Self {
        Self { buffer: BufferType::Absent, bytes: Bytes::new(), map: MapType::Absent, trailers: HeaderMap::new() }
    }
}

impl Piece {
    /// One that another follows.
    pub(in crate::filter) fn of(direction: Direction, bytes: Bytes) -> Self {
        Self { buffer: direction.buffer(), bytes, ..Self::default() }
    }

    /// The last one, to which the guest may add trailers, as in Envoy.
    pub(in crate::filter) fn last(direction: Direction, bytes: Bytes) -> Self {
        Self { map: direction.trailers(), ..Self::of(direction, bytes) }
    }

    /// The trailers, with what the guest has held back until they came, if anything.
    pub(in crate::filter) fn behind(direction: Direction, held: Bytes, trailers: HeaderMap) -> Self {
        let buffer = if held.is_empty() { BufferType::Absent } else { direction.buffer() };
        Self { buffer, bytes: held, map: direction.trailers(), trailers }
    }

    /// Whether the guest may write into this buffer: also where trailers come and it has held nothing back, so that what it
    /// has kept of the body itself still gets out before them.
    pub(in crate::filter) fn opens_for(&self, buffer: BufferType) -> bool {
        let body = match self.map {
            MapType::RequestTrailers => BufferType::RequestBody,
            MapType::ResponseTrailers => BufferType::ResponseBody,
            _ => self.buffer,
        };
        body != BufferType::Absent && body == buffer
    }

    /// Writes `data`, by the reference host's rules: at the start it goes before the first byte (`size` 0) or takes the
    /// place of everything (`size` of the whole, or more), from the end on it goes behind; nothing else is an edit that a
    /// body knows. A piece may not grow beyond `bytes_max`.
    pub(in crate::filter) fn write(
        &mut self,
        (start, size): (u32, u32),
        data: &[u8],
        bytes_max: usize,
    ) -> Result<(), Status> {
        let (start, size, len) = (start as usize, size as usize, self.bytes.len());
        let (before, behind) = match start {
            0 if size == 0 => (&[][..], &self.bytes[..]),
            0 if size >= len => (&[][..], &[][..]),
            0 => return Err(Status::BadArgument),
            _ if start >= len => (&self.bytes[..], &[][..]),
            _ => return Err(Status::BadArgument),
        };
        let total = before.len() + data.len() + behind.len();
        if total > bytes_max.max(len) {
            return Err(Status::InternalFailure);
        }
        let mut whole = BytesMut::with_capacity(total);
        for part in [before, data, behind] {
            whole.extend_from_slice(part);
        }
        self.bytes = whole.freeze();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_those_of_the_reference_host() {
        for (start, size, expected) in [
            (0, 0, Ok("--abc")),
            (0, 3, Ok("--")),
            (0, u32::MAX, Ok("--")),
            (0, 2, Err(Status::BadArgument)),
            (1, 0, Err(Status::BadArgument)),
            (2, 9, Err(Status::BadArgument)),
            (3, 0, Ok("abc--")),
            (u32::MAX, u32::MAX, Ok("abc--")),
        ] {
            let mut piece = Piece::of(Direction::Request, Bytes::from_static(b"abc"));
            let done = piece.write((start, size), b"--", 5);
            match expected {
                Ok(text) => assert_eq!((done, &piece.bytes[..]), (Ok(()), text.as_bytes()), "{start} {size}"),
                Err(status) => assert_eq!((done, &piece.bytes[..]), (Err(status), &b"abc"[..]), "{start} {size}"),
            }
        }
    }

    #[test]
    fn pieces_grow_up_to_their_bound_and_shrink_from_beyond_it() {
        let mut piece = Piece::of(Direction::Request, Bytes::from_static(b"abc"));
        assert_eq!(piece.write((3, 0), b"--", 4), Err(Status::InternalFailure));
        assert_eq!(piece.write((0, 3), b"xyz", 2), Ok(()));
        assert_eq!(&piece.bytes[..], b"xyz");
    }
}
