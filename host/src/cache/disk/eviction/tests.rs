//! What eviction takes and what it leaves.

use super::*;
use crate::cache::disk::simulation::{Rig, key};

/// A record with a body of 448 bytes takes 520: seven to a segment.
const BODY_BYTES: usize = 448;
const SEGMENT_BYTES: u64 = 4_096;
const BYTES_MAX: u64 = 8 * SEGMENT_BYTES;

fn rig() -> Rig {
    Rig::new(SEGMENT_BYTES, BYTES_MAX)
}

fn fill(rig: &mut Rig, keys: std::ops::Range<u64>, kind: Kind) {
    for number in keys {
        rig.put(number, kind, BODY_BYTES).expect("there is room");
        assert!(rig.disk.used() <= BYTES_MAX);
    }
}

#[test]
fn the_oldest_segment_goes_first_and_alone() {
    let mut rig = rig();
    fill(&mut rig, 0..60, Kind::Entry);
    let there: Vec<u64> = (0..60).filter(|number| rig.has(*number)).collect();
    assert_eq!(there, (there[0]..60).collect::<Vec<_>>());
    let tally = rig.log.take_tally();
    assert_eq!(tally.removed(Reason::Size).records, there[0]);
    assert_eq!((there[0] % 7, tally.kept.records), (0, 0), "whole segments, and nothing was read");
    assert_eq!(rig.log.take_tally(), Tally::default());
}

#[test]
fn a_record_that_was_read_stays_once_for_each_time_it_was() {
    let mut rig = rig();
    fill(&mut rig, 0..1, Kind::Entry);
    assert!(rig.has(0));
    fill(&mut rig, 1..60, Kind::Entry);
    assert!(rig.log.contents.index.find(key(0)).is_some() && rig.log.contents.index.find(key(1)).is_none());
    assert_eq!(rig.log.take_tally().kept.records, 1);
    fill(&mut rig, 60..160, Kind::Entry);
    assert!(!rig.has(0), "nobody read it again");
}

#[test]
fn at_most_a_quarter_stays_because_it_was_read() {
    let mut rig = rig();
    fill(&mut rig, 0..7, Kind::Entry);
    assert_eq!(rig.count(7), 7);
    fill(&mut rig, 7..60, Kind::Entry);
    assert_eq!(rig.log.take_tally().kept.records, 1, "a quarter of 3,8 KB holds one record of 520 bytes");
}

#[test]
fn slices_in_use_stay_as_long_as_they_are() {
    let mut rig = rig();
    let kept = rig.log.contents.generations.keep(7);
    fill(&mut rig, 0..5, Kind::Slice);
    fill(&mut rig, 5..200, Kind::Entry);
    assert_eq!(rig.count(5), 5);
    drop(kept);
    let mut rig = {
        rig.reopen();
        rig
    };
    fill(&mut rig, 200..400, Kind::Entry);
    assert_eq!(rig.count(5), 0);
}

#[test]
fn a_store_of_slices_in_use_still_takes_records() {
    let mut rig = rig();
    let _kept = rig.log.contents.generations.keep(7);
    fill(&mut rig, 0..300, Kind::Slice);
    assert!(rig.has(299));
    let tally = rig.log.take_tally();
    assert!(tally.kept.records < 4 * 300, "{tally:?}");
}

#[test]
fn a_smaller_budget_holds_at_once() {
    let mut rig = rig();
    fill(&mut rig, 0..60, Kind::Entry);
    rig.log.set_bytes_max(BYTES_MAX / 2).expect("removable");
    assert!(rig.disk.used() <= BYTES_MAX / 2);
    assert!(rig.has(59));
    rig.log.set_bytes_max(0).expect("removable");
    assert_eq!(rig.disk.used(), 0);
    assert!(matches!(rig.put(1, Kind::Entry, 0), Err(WriteError::TooLarge(_))));
}

#[test]
fn what_no_segment_can_hold_is_refused_and_evicts_nothing() {
    let mut rig = rig();
    fill(&mut rig, 0..20, Kind::Entry);
    // The header of the segment, that of the record, its meta, and a footer of one line.
    let most = SEGMENT_BYTES as usize - 64 - 64 - 8 - 96;
    assert!(matches!(rig.put(7, Kind::Entry, most + 1), Err(WriteError::TooLarge(_))));
    assert_eq!(rig.count(20), 19, "the key that was to be replaced has nothing");
    rig.put(7, Kind::Entry, most).expect("it fits exactly");
    assert!(rig.has(7));
}

#[test]
fn there_are_never_too_many_files() {
    // Records of more than half a segment have one each.
    let bytes_max = SEGMENTS_MAX as u64 * 1_000;
    let mut rig = Rig::new(0, bytes_max);
    for number in 0..SEGMENTS_MAX as u64 + 50 {
        rig.put(number, Kind::Entry, 600).expect("there is room");
        assert!(rig.disk.files().len() <= SEGMENTS_MAX && rig.disk.used() <= bytes_max);
    }
    assert!(rig.log.take_tally().removed(Reason::Files).records > 0);
}

#[test]
fn a_full_disk_takes_what_is_oldest() {
    let mut rig = rig();
    rig.disk.set_faults(crate::cache::disk::simulation::Faults { capacity: Some(10_000), ..Default::default() });
    fill(&mut rig, 0..60, Kind::Entry);
    assert!(rig.has(59) && rig.disk.used() <= 10_000);
    let tally = rig.log.take_tally();
    assert!(tally.removed(Reason::NoSpace).records > 0 && tally.removed(Reason::Size).records == 0, "{tally:?}");
}

#[test]
fn everything_goes_at_a_word() {
    let mut rig = rig();
    fill(&mut rig, 0..20, Kind::Entry);
    rig.log.remove_all().expect("removable");
    assert_eq!((rig.count(20), rig.disk.used()), (0, 0));
    fill(&mut rig, 0..20, Kind::Entry);
    rig.reopen();
    assert_eq!(rig.count(20), 20);
}
