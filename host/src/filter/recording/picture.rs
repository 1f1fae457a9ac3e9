//! An image as a trace carries it: the memory packed, the globals in words.

use std::io::{Read, Write};

use base64ct::{Base64, Encoding};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::super::isolation::image::{Image, Number};
use super::trace::Picture;

/// The largest memory that is packed or unpacked. Guests begin with 1 to 20 MiB; a trace from anywhere can claim anything.
pub(in crate::filter) const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// `None` where the memory is too large.
pub(in crate::filter) fn of(image: &Image, number: u32) -> Option<Picture> {
    let memory = image.memory();
    if memory.len() as u64 > MEMORY_BYTES_MAX {
        return None;
    }
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(memory).ok()?;
    Some(Picture {
        number,
        bytes: memory.len() as u64,
        memory: Base64::encode_string(&packer.finish().ok()?),
        globals: image.globals.iter().map(|global| global.word()).collect(),
    })
}

/// The image again; `None` where the picture is none.
pub(in crate::filter) fn image(picture: &Picture) -> Option<Image> {
    let globals: Option<Box<[Number]>> = picture.globals.iter().map(|word| Number::named(word)).collect();
    let packed = Base64::decode_vec(&picture.memory).ok()?;
    if picture.bytes > MEMORY_BYTES_MAX || picture.bytes == 0 {
        return None;
    }
    let mut memory = Vec::new();
    ZlibDecoder::new(&packed[..]).take(picture.bytes + 1).read_to_end(&mut memory).ok()?;
    if memory.len() as u64 != picture.bytes {
        return None;
    }
    Image::take(&memory, globals?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Image, Picture) {
        let mut memory = vec![0; 65_536];
        memory[70..75].copy_from_slice(b"\xffabc\x01");
        let globals = [
            Number::I32(-1),
            Number::I64(i64::MIN),
            Number::F32(f32::NAN.to_bits()),
            Number::F64(1),
            Number::V128(u128::MAX),
        ];
        let image = Image::take(&memory, Box::new(globals)).unwrap();
        let picture = of(&image, 3).unwrap();
        (image, picture)
    }

    #[test]
    fn an_image_comes_back_bit_for_bit_and_packed() {
        let (image, picture) = sample();
        assert!(picture.memory.len() < 2_000, "{}", picture.memory.len());
        let again = super::image(&picture).unwrap();
        assert!(again.memory() == image.memory() && again.globals == image.globals);
    }

    #[test]
    fn a_picture_that_lies_is_none() {
        let (_, picture) = sample();
        let lies: [fn(&mut Picture); 7] = [
            |picture| picture.bytes -= 1,
            |picture| picture.bytes += 1,
            |picture| picture.bytes = u64::MAX,
            |picture| picture.bytes = 0,
            |picture| picture.memory.truncate(40),
            |picture| picture.memory.push('*'),
            |picture| picture.globals.push("i32:x".to_owned()),
        ];
        for (index, lie) in lies.iter().enumerate() {
            let mut picture = picture.clone();
            lie(&mut picture);
            assert!(super::image(&picture).is_none(), "{index}");
        }
    }
}
