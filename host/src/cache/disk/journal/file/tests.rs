//! The journal's bytes: what is torn, what is damaged, what another store or an older file left behind.

use proptest::prelude::*;

use super::*;
use crate::cache::disk::simulation::{PowerDisk, Trouble};

const STORE: u64 = 7;

/// A journal that begins with the first payload, and the disk it is on.
fn written(payloads: &[Vec<u8>]) -> (PowerDisk, Journal<<PowerDisk as Device>::File>) {
    let disk = PowerDisk::new(1);
    let (first, rest) = payloads.split_first().expect("a first payload");
    let draft = Journal::draft(&disk, STORE, first).expect("the disk works");
    let mut journal = draft.install(&disk).expect("the disk works");
    journal.append(rest.iter().map(Vec::as_slice)).expect("the disk works");
    (disk, journal)
}

fn bytes(payloads: &[Vec<u8>]) -> Bytes {
    written(payloads).0.contents(NAME).expect("it is there").into()
}

fn is_damaged(bytes: &Bytes) -> bool {
    matches!(parse(bytes, STORE), Err(Unreadable::Damaged(_)))
}

fn payloads() -> Vec<Vec<u8>> {
    [&b"first"[..], b"", b"a third one"].map(<[u8]>::to_vec).to_vec()
}

#[test]
fn a_folder_without_a_journal_says_nothing_and_another_store_is_not_believed() {
    let disk = PowerDisk::new(1);
    assert!(read(&disk, STORE).expect("readable").is_none());
    let (disk, _) = written(&payloads());
    assert!(matches!(read(&disk, STORE + 1), Err(Unreadable::Damaged(0))));
}

#[test]
fn a_torn_end_is_cut_off_and_what_came_before_it_counts() {
    let whole = bytes(&payloads());
    let first_ends = HEADER_BYTES + RECORD_HEADER_BYTES + 5;
    for length in 0..whole.len() {
        let cut = whole.slice(..length);
        let expected = match length {
            _ if length < first_ends => None,
            _ if length < first_ends + RECORD_HEADER_BYTES => Some(1),
            _ => Some(2),
        };
        let read = parse(&cut, STORE).ok();
        assert_eq!(read.map(|read| read.len()), expected, "{length} bytes");
    }
}

#[test]
fn records_that_are_doubled_lost_or_left_over_are_damage() {
    let whole = bytes(&payloads());
    let second = HEADER_BYTES + RECORD_HEADER_BYTES + 5;
    let third = second + RECORD_HEADER_BYTES;
    let joined = |parts: &[&[u8]]| is_damaged(&parts.concat().into());
    assert!(joined(&[&whole[..third], &whole[second..]]), "doubled");
    assert!(joined(&[&whole[..second], &whole[third..]]), "lost");
    assert!(joined(&[&whole[..third], &bytes(&payloads())[third..]]), "of another file of the same store");
    assert!(joined(&[&whole, &[0; RECORD_HEADER_BYTES]]), "zeros");
}

#[test]
fn a_read_that_ends_early_is_no_torn_end() {
    let (disk, _) = written(&payloads());
    for trouble in [Trouble::Short, Trouble::Eio] {
        disk.expect_once(2, trouble);
        assert!(matches!(read(&disk, STORE), Err(Unreadable::Io(_))), "{trouble:?}");
    }
}

#[test]
fn a_crash_at_any_step_of_a_new_journal_leaves_the_old_or_the_new_one() {
    for (steps, cut) in (0..9).flat_map(|steps| [(steps, false), (steps, true)]) {
        let (disk, mut journal) = written(&payloads());
        journal.append([&b"synced"[..]]).and_then(|()| journal.sync()).expect("the disk works");
        disk.expect(steps, Trouble::Death);
        let begun = Journal::draft(&disk, STORE, b"new").and_then(|draft| draft.install(&disk));
        disk.mend();
        if cut {
            disk.cut_power();
        }
        let read = read(&disk, STORE).expect("undamaged").expect("there");
        let is_new = read == [&b"new"[..]];
        assert!(is_new || read.len() == 4, "{steps}: {read:?}");
        assert!(is_new || begun.is_err(), "{steps}: it was said to last");
        assert!(Journal::draft(&disk, STORE, b"next").is_ok(), "{steps}: what is left over is in nobody's way");
    }
}

proptest! {
    #[test]
    fn written_and_read_again_it_is_the_same(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
    ) {
        prop_assert_eq!(parse(&bytes(&payloads), STORE).expect("undamaged"), payloads);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), from in 0_usize..40) {
        prop_assert!(is_damaged(&bytes.clone().into()));
        let mut rest = self::bytes(&payloads()).to_vec();
        rest.truncate(HEADER_BYTES + from);
        rest.extend(bytes);
        _ = parse(&rest.into(), STORE);
    }

    #[test]
    fn a_flipped_bit_is_noticed(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..4),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes(&payloads).to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(is_damaged(&bytes.into()));
    }
}
