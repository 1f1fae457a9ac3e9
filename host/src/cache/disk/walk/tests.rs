//! A walk finds what is there, and says when something is not.

use proptest::prelude::*;

use super::*;
use crate::cache::disk::device::Device;
use crate::cache::disk::footer;
use crate::cache::disk::record::{KeyHash, Kind};
use crate::cache::disk::simulation::{FaultyDisk, FaultyFile};

const SEAL: u64 = 7;

fn file(bytes: &[u8]) -> FaultyFile {
    let disk = FaultyDisk::new(0);
    disk.put_file("a", bytes.to_vec());
    disk.open("a").expect("just put")
}

fn walk_bytes(bytes: &[u8]) -> Walk {
    walk(&file(bytes), bytes.len() as u64, SEAL)
}

/// A segment with records whose bodies have these lengths, and their places.
fn segment(bodies: &[usize]) -> (Vec<u8>, Vec<Line>) {
    let (mut bytes, mut lines) = (vec![0; SEGMENT_HEADER_BYTES as usize], Vec::new());
    for (n, length) in bodies.iter().enumerate() {
        let body = vec![b'b'; *length];
        let key = KeyHash(n as u128);
        let header = Header::new(Kind::Entry, 5 + n as u64, key, (b"m", &body)).expect("small");
        lines.push(Line::new(&header, bytes.len() as u64));
        let record = [&header.encode(SEAL)[..], b"m", &body].concat();
        let end = bytes.len() + header.record_bytes() as usize;
        bytes.extend(record);
        bytes.resize(end, 0);
    }
    (bytes, lines)
}

fn with_footer(bodies: &[usize]) -> (Vec<u8>, Vec<Line>) {
    let (bytes, lines) = segment(bodies);
    let disk = FaultyDisk::new(0);
    disk.put_file("a", bytes.clone());
    let file = disk.open("a").expect("just put");
    footer::write(&file, bytes.len() as u64, &lines, SEAL).expect("written");
    let bytes = disk.files()[0].1.lock().expect("no panic").clone();
    (bytes, lines)
}

fn missing(walk: &Walk, lines: &[Line]) -> bool {
    let first = walk.lines.first().is_some_and(|line| line.sequence == lines[0].sequence);
    let dense = walk.lines.is_sorted_by(|a, b| a.sequence + 1 == b.sequence);
    !(first && dense)
}

proptest! {
    #[test]
    fn any_bytes_are_walked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let walk = walk_bytes(&bytes);
        prop_assert_eq!(walk.lines, []);
    }

    /// What a writer leaves that was killed: all whole records, and never damage.
    #[test]
    fn of_any_prefix_all_whole_records_are_found(
        bodies in proptest::collection::vec(0_usize..300, 1..6), length in any::<proptest::sample::Index>(),
        sealed in any::<bool>(),
    ) {
        let (mut bytes, lines) = if sealed { with_footer(&bodies) } else { segment(&bodies) };
        let first = SEGMENT_HEADER_BYTES as usize;
        bytes.truncate(first + length.index(bytes.len() - first + 1));
        let whole: Vec<Line> = lines.into_iter().filter(|line| line.end() <= bytes.len() as u64).collect();
        let ends = whole.last().map_or(SEGMENT_HEADER_BYTES, Line::end) == bytes.len() as u64;
        let walk = walk_bytes(&bytes);
        prop_assert_eq!(walk.lines, whole);
        prop_assert!(walk.end != End::Damaged);
        prop_assert!(!ends || walk.end == End::Whole);
    }

    #[test]
    fn a_flipped_bit_hides_no_record(
        bodies in proptest::collection::vec(0_usize..300, 1..6), bit in any::<proptest::sample::Index>(),
    ) {
        let (mut bytes, lines) = with_footer(&bodies);
        let first = SEGMENT_HEADER_BYTES as usize;
        let bit = first * 8 + bit.index((bytes.len() - first) * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let walk = walk_bytes(&bytes);
        prop_assert_eq!(walk.lines, lines);
    }

    #[test]
    fn records_in_a_damaged_place_are_missed(
        bodies in proptest::collection::vec(0_usize..300, 1..6), from in any::<proptest::sample::Index>(),
        length in 1_usize..400, sealed in any::<bool>(), junk in any::<u64>(),
    ) {
        let (mut bytes, lines) = if sealed { with_footer(&bodies) } else { segment(&bodies) };
        let records = lines[lines.len() - 1].end() as usize;
        let first = SEGMENT_HEADER_BYTES as usize;
        let from = first + from.index(records - first);
        let to = (from + length).min(bytes.len());
        let mut rng = fastrand::Rng::with_seed(junk);
        bytes[from..to].iter_mut().for_each(|byte| *byte = rng.u8(..));
        let walk = walk_bytes(&bytes);
        prop_assert!(walk.lines.iter().all(|line| lines.contains(line)), "made up: {:?}", walk.lines);
        let complete = walk.lines == lines;
        prop_assert!(complete || missing(&walk, &lines) || walk.end == End::Damaged);
    }
}
