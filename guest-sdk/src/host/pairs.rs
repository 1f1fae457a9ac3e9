//! Header maps as the ABI passes them: a count, every length, then every text with a NUL after it, lengths as u32 in
//! little-endian order (proxy-wasm 0.2.1, "Serialization").

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the rehearsal passes maps as they are"))]

use super::Pairs;

/// Writes a map.
pub(super) fn encode(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = |length: usize, bytes: &mut Vec<u8>| bytes.extend((length as u32).to_le_bytes());
    length(pairs.len(), &mut bytes);
    for (name, value) in pairs {
        length(name.len(), &mut bytes);
        length(value.len(), &mut bytes);
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}

/// Reads a map; `None` where the bytes are none. No bytes at all, or a lone NUL, are an empty map.
pub(super) fn decode(bytes: &[u8]) -> Option<Pairs> {
    if matches!(bytes, [] | [0]) {
        return Some(Pairs::new());
    }
    let (count, rest) = number(bytes)?;
    let mut lengths = rest.get(..count.checked_mul(8)?)?;
    let mut texts = &rest[lengths.len()..];
    let mut take = || {
        let (length, later) = number(lengths)?;
        let (text, after) = (texts.get(..length)?, texts.get(length + 1..)?);
        (lengths, texts) = (later, after);
        Some(text.to_vec())
    };
    (0..count).map(|_| Some((take()?, take()?))).collect()
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*first) as usize, rest))
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn what_was_written_reads_the_same() {
        for pairs in [vec![], vec![("a", "")], vec![(":path", "/"), ("cookie", "a\0b"), ("cookie", "c")]] {
            let bytes: Vec<(&[u8], &[u8])> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
            let read = decode(&encode(&bytes)).expect("a map");
            assert!(read.iter().map(|(n, v)| (&n[..], &v[..])).eq(bytes), "{pairs:?}");
        }
    }

    #[test]
    fn the_layout_is_the_abis() {
        assert_eq!(encode(&[(b"a", b"bc")]), b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0");
    }

    #[test]
    fn a_short_map_is_none_and_never_panics() {
        let whole = encode(&[(b"name", b"value"), (b"a", b"b")]);
        for end in 2..whole.len() {
            assert_eq!(decode(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(decode(&[0xff; 16]), None);
        assert_eq!(decode(&[]), Some(vec![]));
        assert_eq!(decode(&[0]), Some(vec![]));
    }
}
