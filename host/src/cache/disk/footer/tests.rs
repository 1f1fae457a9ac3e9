//! Footers are found whole or not at all.

use proptest::prelude::*;

use super::*;
use crate::cache::disk::device::Device;
use crate::cache::disk::simulation::{FaultyDisk, FaultyFile};

const SEAL: u64 = 7;

fn file(bytes: &[u8]) -> FaultyFile {
    let disk = FaultyDisk::new(0);
    disk.put_file("a", bytes.to_vec());
    disk.open("a").expect("just put")
}

fn lines(count: u64) -> Vec<Line> {
    let line = |n| Line {
        kind: Kind::Slice,
        sequence: 40 + n,
        key: KeyHash(u128::from(n) << 80 | 9),
        position: SEGMENT_HEADER_BYTES + n * 72,
        length: 72,
    };
    (0..count).map(line).collect()
}

/// A segment with a footer: what stands before it does not matter here.
fn sealed(lines: &[Line]) -> Vec<u8> {
    let disk = FaultyDisk::new(0);
    let file = disk.create("a").expect("a new file");
    let end = lines.last().map_or(SEGMENT_HEADER_BYTES, Line::end);
    write(&file, end, lines, SEAL).expect("written");
    let bytes = disk.files()[0].1.lock().expect("no panic").clone();
    assert_eq!(bytes.len() as u64, end + footer_bytes(lines.len()));
    bytes
}

#[test]
fn written_and_read_again_it_is_the_same() {
    for count in [0, 1, 2, 100] {
        assert_eq!(read(&file(&sealed(&lines(count))), SEAL).expect("no fault"), Some(lines(count)));
    }
}

#[test]
fn lines_that_cannot_be_are_none() {
    let change = |change: fn(&mut Line)| {
        let mut lines = lines(3);
        change(&mut lines[1]);
        lines
    };
    let rows = [
        ("outside", change(|line| line.position = 1 << 30)),
        ("before the records", change(|line| line.position = 0)),
        ("into the next one", change(|line| line.length += 8)),
        ("empty", change(|line| line.length = 0)),
        ("out of order", change(|line| line.sequence = 9)),
        ("twice", change(|line| line.sequence = 40)),
        ("with a gap", vec![lines(3)[0], lines(3)[2]]),
        ("without the first", lines(3)[1..].to_vec()),
    ];
    for (name, lines) in rows {
        let disk = FaultyDisk::new(0);
        let file = disk.create("a").expect("a new file");
        write(&file, SEGMENT_HEADER_BYTES + 3 * 72, &lines, SEAL).expect("written");
        assert_eq!(read(&file, SEAL).expect("no fault"), None, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_have_no_footer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(read(&file(&bytes), SEAL).expect("no fault"), None);
    }

    #[test]
    fn a_flipped_bit_is_noticed(count in 0_u64..5, bit in any::<proptest::sample::Index>()) {
        let mut bytes = sealed(&lines(count));
        // The first mark is for the walk.
        let from = bytes.len() - footer_bytes(count as usize) as usize + MARK_BYTES;
        let bit = from * 8 + bit.index((bytes.len() - from) * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(read(&file(&bytes), SEAL).expect("no fault"), None);
    }

    #[test]
    fn a_part_of_a_segment_has_no_footer(count in 0_u64..5, length in any::<proptest::sample::Index>()) {
        let mut bytes = sealed(&lines(count));
        bytes.truncate(length.index(bytes.len()));
        prop_assert_eq!(read(&file(&bytes), SEAL).expect("no fault"), None);
    }
}
