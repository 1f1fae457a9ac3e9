//! Protocol buffers as far as Envoy's foreign functions use them for their arguments.
//!
//! Fields in their order on the wire; a later one of the same number counts, and what is not known is passed over.

use super::super::abi::Status;

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    /// Its bytes, where it is text or the like; numbers have none here.
    pub(super) bytes: Option<&'a [u8]>,
}

/// The fields of a message, or `BadArgument` where it is none.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let bytes = match tag & 7 {
            0 => self.varint().map(|_| None)?,
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Some(self.take(length)?)
            }
            5 => self.take(4).map(|_| None)?,
            _ => return None,
        };
        Some(Field { number: tag >> 3, bytes })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// Seven bits a byte, the lowest first; ten bytes at most.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 127) << (7 * place);
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Status::BadArgument);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read_in_order_and_numbers_passed_over() {
        let message = b"\x0a\x01a\x18\x96\x01\x12\x00\x25\x01\x02\x03\x04";
        let fields: Result<Vec<_>, _> = Fields::of(message).collect();
        let field = |number, bytes| Field { number, bytes };
        let expected = vec![field(1, Some(&b"a"[..])), field(3, None), field(2, Some(&[])), field(4, None)];
        assert_eq!(fields, Ok(expected));
        for wrong in [&b"\x0a\x02a"[..], b"\x0a", b"\x0b", &[0xff; 11], b"\x09\x01"] {
            assert_eq!(Fields::of(wrong).last(), Some(Err(Status::BadArgument)), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(message in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Fields::of(&message).count() <= message.len());
        }
    }
}
