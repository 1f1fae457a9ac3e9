//! Header maps as bytes: the ABI's form of a list of pairs.
//!
//! A little-endian `u32` count, then a `u32` name length and a `u32` value length per pair, then every name and value,
//! each with a NUL after it. The specification's worked example shows other integers; hosts and SDKs use these. Guests
//! send maps too, so `read` believes nothing.

use super::super::abi::Status;

/// A name and a value.
pub(in crate::filter) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Pairs of one map at most, as in the reference host.
const PAIRS_MAX: usize = 1024;

/// Bytes of one map at most, as in the reference host.
const BYTES_MAX: usize = 1 << 20;

/// Appends the pairs that `pairs` gives, the same each time, to `out`; nothing where there are none.
pub(in crate::filter) fn write<'a, I>(pairs: impl Fn() -> I, out: &mut Vec<u8>)
where
    I: Iterator<Item = Pair<'a>>,
{
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count = 0_u32;
    for (name, value) in pairs() {
        count += 1;
        out.extend_from_slice(&size(name));
        out.extend_from_slice(&size(value));
    }
    if count == 0 {
        out.truncate(start);
        return;
    }
    out[start..start + 4].copy_from_slice(&count.to_le_bytes());
    for (name, value) in pairs() {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
}

fn size(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).expect("a header is far below 4 GiB").to_le_bytes()
}

/// The pairs in `bytes`, in order. Anything but exactly one well-formed map is `ParseFailure`; no bytes, or a single
/// NUL, is the empty map.
pub(in crate::filter) fn read(bytes: &[u8]) -> Result<Vec<Pair<'_>>, Status> {
    if matches!(bytes, [] | [0]) {
        return Ok(Vec::new());
    }
    if bytes.len() > BYTES_MAX {
        return Err(Status::ParseFailure);
    }
    let (count, mut sizes) = take_number(bytes)?;
    if count > PAIRS_MAX || sizes.len() < count * 8 {
        return Err(Status::ParseFailure);
    }
    let mut texts = &sizes[count * 8..];
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_bytes, rest) = take_number(sizes)?;
        let (value_bytes, rest) = take_number(rest)?;
        sizes = rest;
        let (name, rest) = take_text(texts, name_bytes)?;
        let (value, rest) = take_text(rest, value_bytes)?;
        texts = rest;
        pairs.push((name, value));
    }
    if texts.is_empty() { Ok(pairs) } else { Err(Status::ParseFailure) }
}

fn take_number(bytes: &[u8]) -> Result<(usize, &[u8]), Status> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(Status::ParseFailure)?;
    Ok((u32::from_le_bytes(*number) as usize, rest))
}

fn take_text(bytes: &[u8], len: usize) -> Result<(&[u8], &[u8]), Status> {
    let (text, rest) = bytes.split_at_checked(len).ok_or(Status::ParseFailure)?;
    match rest.split_first() {
        Some((0, rest)) => Ok((text, rest)),
        _ => Err(Status::ParseFailure),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::*;

    type Owned = Vec<(Vec<u8>, Vec<u8>)>;

    fn written(pairs: &Owned) -> Vec<u8> {
        let mut out = Vec::new();
        write(|| pairs.iter().map(|(name, value)| (&name[..], &value[..])), &mut out);
        out
    }

    #[test]
    fn one_pair_is_laid_out_as_the_sdks_expect() {
        let bytes = written(&vec![(b"ab".to_vec(), b"c".to_vec())]);
        assert_eq!(bytes, b"\x01\0\0\0\x02\0\0\0\x01\0\0\0ab\0c\0");
    }

    #[test]
    fn empty_map_has_two_forms() {
        assert_eq!(written(&Vec::new()), b"");
        assert_eq!(read(b""), Ok(Vec::new()));
        assert_eq!(read(b"\0"), Ok(Vec::new()));
        assert_eq!(read(b"\0\0\0\0"), Ok(Vec::new()));
    }

    #[test]
    fn maps_that_lie_are_refused() {
        let sound = b"\x01\0\0\0\x02\0\0\0\x01\0\0\0ab\0c\0";
        assert!(read(sound).is_ok());
        for cut in 1..sound.len() {
            assert_eq!(read(&sound[..cut]), Err(Status::ParseFailure), "cut at {cut}");
        }
        let mut longer = sound.to_vec();
        longer.push(0);
        assert_eq!(read(&longer), Err(Status::ParseFailure));
        assert_eq!(read(b"\xff\xff\xff\xff"), Err(Status::ParseFailure));
        assert_eq!(read(b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), Err(Status::ParseFailure));
        assert_eq!(read(b"\x01\0\0\0\x02\0\0\0\x01\0\0\0abxc\0"), Err(Status::ParseFailure));
    }

    #[test]
    fn pairs_are_bounded() {
        let most = vec![(b"a".to_vec(), Vec::new()); PAIRS_MAX];
        assert_eq!(read(&written(&most)).map(|pairs| pairs.len()), Ok(PAIRS_MAX));
        let more = vec![(b"a".to_vec(), Vec::new()); PAIRS_MAX + 1];
        assert_eq!(read(&written(&more)), Err(Status::ParseFailure));
        let large = vec![(b"a".to_vec(), vec![b'x'; BYTES_MAX])];
        assert_eq!(read(&written(&large)), Err(Status::ParseFailure));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..256)) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_reads_back_the_same(pairs in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20)), 0..20)) {
            let bytes = written(&pairs);
            let back: Owned = read(&bytes).expect("sound").into_iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            assert_eq!(back, pairs);
        }
    }
}
