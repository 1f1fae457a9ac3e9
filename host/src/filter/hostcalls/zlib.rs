//! Envoy's foreign functions `compress` and `uncompress`: zlib's format (RFC 1950), whole values at once.
//!
//! Both run outside of the guest, where its deadline does not reach, so what they take and give is bounded.

use std::io::Read;

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};

use super::super::abi::Status;

/// Bytes of what is not compressed, on either side: about 20 ms to compress, 3 ms the other way.
const BYTES_MAX: usize = 1 << 20;

pub(super) fn compress(plain: &[u8], out: &mut Vec<u8>) -> Result<(), Status> {
    if plain.len() > BYTES_MAX {
        return Err(Status::SerializationFailure);
    }
    let read = ZlibEncoder::new(plain, Compression::default()).read_to_end(out);
    read.map(drop).map_err(|_| Status::SerializationFailure)
}

/// `SerializationFailure` for what is not zlib's, is cut off or grows too large, as in Envoy.
pub(super) fn uncompress(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Status> {
    let limit = BYTES_MAX as u64 + 1;
    let read = ZlibDecoder::new(packed).take(limit).read_to_end(out);
    match read {
        Ok(bytes) if bytes <= BYTES_MAX => Ok(()),
        _ => Err(Status::SerializationFailure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(plain: &[u8]) -> Result<Vec<u8>, Status> {
        let (mut packed, mut back) = (Vec::new(), Vec::new());
        compress(plain, &mut packed)?;
        uncompress(&packed, &mut back)?;
        Ok(back)
    }

    #[test]
    fn what_is_packed_comes_out_again_up_to_the_bound() {
        for plain in [&b""[..], b"a", &[7; 1000], &[0; BYTES_MAX]] {
            assert_eq!(both_ways(plain).as_deref(), Ok(plain));
        }
        assert_eq!(both_ways(&[0; BYTES_MAX + 1]), Err(Status::SerializationFailure));
    }

    #[test]
    fn bombs_and_scraps_are_refused() {
        let mut bomb = Vec::new();
        ZlibEncoder::new(std::io::repeat(0).take(64 << 20), Compression::best()).read_to_end(&mut bomb).unwrap();
        let mut whole = Vec::new();
        compress(b"a whole one", &mut whole).unwrap();
        for packed in [&bomb[..], b"", b"no zlib", &whole[..whole.len() - 5]] {
            assert_eq!(uncompress(packed, &mut Vec::new()), Err(Status::SerializationFailure));
        }
    }
}
