//! What a start finds again, and what it gives up.

use super::*;
use crate::cache::disk::simulation::{Rig, key};

const KEYS: u64 = 30;

/// Four segments and a piece of one, or a footer after the piece.
fn filled(ending: Ending) -> Rig {
    let mut rig = Rig::new(1_000, 1 << 16);
    for number in 0..KEYS {
        rig.put(number, Kind::Entry, 40).expect("there is room");
    }
    if ending == Ending::Clean {
        rig.log.seal();
    }
    rig
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Clean,
    Kill,
}

fn name(rig: &Rig, at: usize) -> String {
    rig.disk.files()[at].0.clone()
}

fn change(rig: &Rig, at: usize, change: impl FnOnce(&mut Vec<u8>)) {
    change(&mut rig.disk.files()[at].1.lock().expect("no panic"));
}

#[test]
fn a_clean_end_leaves_nothing_to_walk_and_a_kill_one_segment() {
    for (ending, walked) in [(Ending::Clean, 0), (Ending::Kill, 1)] {
        let mut rig = filled(ending);
        let segments = rig.disk.files().len();
        assert!(segments >= 4);
        assert_eq!(rig.reopen(), Found { segments, walked, given_up: 0 });
        assert_eq!(rig.count(KEYS), KEYS as usize);
    }
}

#[test]
fn many_restarts_do_not_make_many_segments() {
    let mut rig = filled(Ending::Clean);
    let segments = rig.disk.files().len();
    for _ in 0..50 {
        rig.reopen();
        rig.put(0, Kind::Removal, 0).expect("there is room");
        rig.log.seal();
    }
    assert!(rig.disk.files().len() <= segments + 7, "50 records of 104 bytes in segments of 1,000");
}

/// Wherever it is: in headers, bodies, footers.
#[test]
fn a_flipped_bit_costs_one_record_at_most() {
    for ending in [Ending::Clean, Ending::Kill] {
        let whole = filled(ending);
        for (at, (_, bytes)) in whole.disk.files().iter().enumerate() {
            let length = bytes.lock().expect("no panic").len();
            for byte in 0..length {
                let mut rig = whole.copy();
                change(&rig, at, |bytes| bytes[byte] ^= 1 << (byte % 8));
                let found = rig.reopen();
                assert_eq!(found.given_up, 0, "byte {byte} of segment {at} after a {ending:?}");
                assert!(rig.count(KEYS) >= KEYS as usize - 1, "byte {byte} of segment {at} after a {ending:?}");
            }
        }
    }
}

#[test]
fn what_is_older_than_a_missing_segment_is_given_up() {
    for remove in [true, false] {
        let mut rig = filled(Ending::Clean);
        if remove {
            rig.disk.take_file(&name(&rig, 2));
        } else {
            change(&rig, 2, |bytes| bytes.truncate(500));
        }
        assert_eq!(rig.reopen().given_up, if remove { 2 } else { 3 });
        let there: Vec<u64> = (0..KEYS).filter(|number| rig.has(*number)).collect();
        assert!(there.len() > 5 && there == (there[0]..KEYS).collect::<Vec<_>>(), "{there:?}");
        assert_eq!(rig.disk.files().len(), rig.log.contents.segments.len(), "their files are gone");
    }
}

#[test]
fn damage_at_the_end_may_have_been_anything() {
    let mut rig = filled(Ending::Kill);
    let last = rig.disk.files().len() - 1;
    change(&rig, last, |bytes| {
        let from = bytes.len() - 112;
        bytes[from..from + 64].fill(0);
    });
    rig.reopen();
    assert_eq!((rig.count(KEYS), rig.disk.used()), (0, 0));
    rig.put(1, Kind::Entry, 40).expect("there is room");
    rig.reopen();
    assert!(rig.has(1));
}

#[test]
fn a_torn_end_costs_nothing_that_was_there() {
    for left in 1..112 {
        let mut rig = filled(Ending::Kill);
        let last = rig.disk.files().len() - 1;
        change(&rig, last, |bytes| bytes.truncate(bytes.len() - left));
        assert_eq!(rig.reopen().given_up, 0);
        assert_eq!(rig.count(KEYS), KEYS as usize - 1);
        rig.put(KEYS, Kind::Entry, 40).expect("there is room");
        assert_eq!(rig.reopen().given_up, 0, "what was torn is out of the way");
        assert!(rig.has(KEYS));
    }
}

#[test]
fn files_of_others_are_no_loss() {
    let mut rig = filled(Ending::Clean);
    let header = |number| segment::encode_header(SegmentName { store: 1, number }, 9).to_vec();
    rig.disk.put_file("0000000000.segment", header(0));
    rig.disk.put_file("0000000900.segment", header(900));
    rig.disk.put_file("4294967295.segment", vec![1, 2, 3]);
    rig.disk.put_file("9999999999.segment", vec![1, 2, 3]);
    rig.disk.put_file("notes.txt", b"mine".to_vec());
    assert_eq!(rig.reopen().given_up, 0);
    assert_eq!(rig.count(KEYS), KEYS as usize);
    let names: Vec<String> = rig.disk.files().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"notes.txt".to_owned()) && !names.contains(&"0000000900.segment".to_owned()), "{names:?}");
    rig.put(KEYS, Kind::Entry, 40).expect("there is room");
}

#[test]
fn a_segment_under_another_name_may_be_a_newer_one() {
    let mut rig = filled(Ending::Clean);
    let (_, bytes) = rig.disk.files().pop().expect("there are some");
    let bytes = bytes.lock().expect("no panic").clone();
    rig.disk.put_file("0000000900.segment", bytes);
    rig.reopen();
    assert_eq!(rig.count(KEYS), 0);
}

#[test]
fn a_removal_holds_after_every_start() {
    let mut rig = filled(Ending::Kill);
    rig.put(3, Kind::Removal, 0).expect("there is room");
    for _ in 0..3 {
        rig.reopen();
        assert!(!rig.has(3) && rig.has(4));
        assert!(rig.log.contents.index.find(key(3)).is_none());
    }
}
