//! What happens to files behind the log's back: bits rot, sectors die, people tidy up, power fails.

use fastrand::Rng;

use super::disk::{Bytes, FaultyDisk};
use super::model::STORE;
use crate::cache::disk::segment::{Origin, SegmentName, decode_header, encode_header};

const SECTOR_BYTES: usize = 512;

/// Does one thing to one file, which is the newest as often as any other.
pub(super) fn harm(disk: &FaultyDisk, rng: &mut Rng) {
    let files = disk.files();
    let file = if rng.bool() { files.last() } else { rng.choice(&files) };
    let Some((name, bytes)) = file else { return };
    // Nothing on the disk says how long the last file was, or that it was there. (A purge does not rest on it alone: the
    // journal is synced.)
    let later = |other: &(String, Bytes)| other.0 > *name && is_own(other);
    let followed = files.iter().any(later);
    match rng.u8(..16) {
        0 if followed => disk.take_file(name),
        1 if followed => cut(bytes, rng),
        2 => zero(bytes, rng),
        3 => scramble(bytes, rng),
        4 => disk.put_file(&free_name(&files, rng), bytes.lock().expect("no panic").clone()),
        5 => disk.put_file(&free_name(&files, rng), foreign(rng)),
        6 => disk.put_file("0000000007.segment~", b"not ours".to_vec()),
        7 => append(bytes, rng),
        _ => flip(bytes, rng),
    }
}

/// Of what was never synced, anything may be lost: whole files, their ends, and sectors in between.
pub(super) fn cut_power(disk: &FaultyDisk, rng: &mut Rng) {
    for (name, bytes) in disk.files() {
        if rng.u8(..8) == 0 {
            disk.take_file(&name);
        }
        if rng.bool() {
            cut(&bytes, rng);
        }
        let mut bytes = bytes.lock().expect("no panic");
        for sector in bytes.chunks_mut(SECTOR_BYTES) {
            if rng.u8(..8) == 0 {
                sector.fill(0);
            }
        }
    }
}

/// Flips one bit.
pub(super) fn flip(bytes: &Bytes, rng: &mut Rng) {
    let mut bytes = bytes.lock().expect("no panic");
    if !bytes.is_empty() {
        let bit = rng.usize(..bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Is this a segment of the log, and no junk that an earlier harm has put there?
fn is_own((name, bytes): &(String, Bytes)) -> bool {
    let Some(number) = SegmentName::number_of(name) else { return false };
    matches!(decode_header(&bytes.lock().expect("no panic"), SegmentName { store: STORE, number }), Origin::Own(_))
}

fn cut(bytes: &Bytes, rng: &mut Rng) {
    let mut bytes = bytes.lock().expect("no panic");
    let length = rng.usize(..=bytes.len());
    bytes.truncate(length);
}

fn zero(bytes: &Bytes, rng: &mut Rng) {
    some(bytes, rng, |byte, _| *byte = 0);
}

fn scramble(bytes: &Bytes, rng: &mut Rng) {
    some(bytes, rng, |byte, rng| *byte = rng.u8(..));
}

fn some(bytes: &Bytes, rng: &mut Rng, change: fn(&mut u8, &mut Rng)) {
    let mut bytes = bytes.lock().expect("no panic");
    let from = rng.usize(..=bytes.len());
    let to = rng.usize(from..=bytes.len().min(from + 1_000));
    bytes[from..to].iter_mut().for_each(|byte| change(byte, rng));
}

fn append(bytes: &Bytes, rng: &mut Rng) {
    let junk: Vec<u8> = (0..rng.usize(1..200)).map(|_| rng.u8(..)).collect();
    bytes.lock().expect("no panic").extend(junk);
}

/// A name near those of the segments that are there.
fn free_name(files: &[(String, Bytes)], rng: &mut Rng) -> String {
    loop {
        let name = SegmentName { store: 0, number: rng.u32(1..200) }.file_name();
        if files.iter().all(|(other, _)| *other != name) {
            return name;
        }
    }
}

/// A segment of another store.
fn foreign(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = encode_header(SegmentName { store: 1, number: rng.u32(1..200) }, rng.u64(1..500)).to_vec();
    bytes.extend((0..rng.usize(..500)).map(|_| rng.u8(..)));
    bytes
}
