//! As much of DER (X.690) as public keys are written in: elements of known tags, one behind another.

/// The tags of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Integer = 0x02,
    BitString = 0x03,
    ObjectIdentifier = 0x06,
    Sequence = 0x30,
}

/// Takes the element of this tag off the front; its content, or `None` where another stands there.
pub(crate) fn take<'d>(rest: &mut &'d [u8], tag: Tag) -> Option<&'d [u8]> {
    let (&[found, first], mut after) = rest.split_first_chunk()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81 | 0x82 => {
            let (bytes, behind) = after.split_at_checked(usize::from(first & 0x7f))?;
            after = behind;
            bytes.iter().fold(0, |length, byte| length * 256 + usize::from(*byte))
        }
        // Nothing of a key is longer than 64 KiB.
        _ => return None,
    };
    let (content, behind) = after.split_at_checked(length)?;
    *rest = behind;
    (found == tag as u8).then_some(content)
}

/// The bytes of an integer that is not negative, without the zeros before it.
pub(crate) fn take_unsigned<'d>(rest: &mut &'d [u8]) -> Option<&'d [u8]> {
    let bytes = take(rest, Tag::Integer)?;
    let negative = bytes.first().is_none_or(|first| first & 0x80 != 0);
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if negative { None } else { bytes.get(zeros..) }
}

/// The bytes of a bit string that has whole bytes.
pub(crate) fn take_bits<'d>(rest: &mut &'d [u8]) -> Option<&'d [u8]> {
    take(rest, Tag::BitString)?.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::{Tag, take, take_bits, take_unsigned};

    #[test]
    fn elements_are_taken_by_tag_and_length() {
        for (bytes, expected) in [
            (&[0x30, 0x01, 7, 8][..], Some(&[7][..])),
            (&[0x30, 0x81, 0x02, 7, 8], Some(&[7, 8])),
            (&[0x30, 0x82, 0x00, 0x01, 7], Some(&[7])),
            (&[0x30, 0x00], Some(&[])),
            (&[0x31, 0x01, 7], None),
            (&[0x30, 0x02, 7], None),
            (&[0x30, 0x82, 0x01], None),
            (&[0x30, 0x83, 0, 0, 1, 7], None),
            (&[0x30, 0x80, 7, 0, 0], None),
            (&[0x30], None),
            (&[], None),
        ] {
            assert_eq!(take(&mut { bytes }, Tag::Sequence), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_bits_are_whole_bytes() {
        for (bytes, expected) in [
            (&[2, 2, 0, 0x80][..], Some(&[0x80][..])),
            (&[2, 1, 3], Some(&[3])),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
        ] {
            assert_eq!(take_unsigned(&mut { bytes }), expected, "{bytes:02x?}");
        }
        assert_eq!(take_bits(&mut &[3, 2, 0, 7][..]), Some(&[7][..]));
        assert_eq!((take_bits(&mut &[3, 2, 1, 6][..]), take_bits(&mut &[3, 0][..])), (None, None));
    }
}
