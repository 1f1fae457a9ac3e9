//! What a read brings, and what it does about what it cannot bring.

use super::*;
use crate::cache::disk::log::Content;
use crate::cache::disk::record::Kind;
use crate::cache::disk::simulation::{Rig, key};

fn rig() -> (Rig, Reader<crate::cache::disk::simulation::FaultyFile>) {
    let mut rig = Rig::new(4_096, 1 << 16);
    rig.put(1, Kind::Spec, 100).expect("there is room");
    let reader = Reader::new(rig.log.contents.clone());
    (rig, reader)
}

#[test]
fn a_damaged_record_is_found_so_once() {
    let (rig, reader) = rig();
    let spot = reader.find(key(1)).expect("just put");
    *rig.disk.files()[0].1.lock().expect("no panic").last_mut().expect("some bytes") ^= 1;
    assert!(matches!(reader.read(&spot, Patience::Wait), Ok(Reading::Here(_))), "the padding does not matter");
    rig.disk.files()[0].1.lock().expect("no panic")[200] ^= 1;
    assert!(matches!(reader.read(&spot, Patience::Now), Ok(Reading::Absent)));
    assert!(reader.find(key(1)).is_none());
    assert!(matches!(reader.read(&spot, Patience::Now), Ok(Reading::Absent)));
}

#[test]
fn keys_that_share_half_a_hash_never_bring_each_others_records() {
    let (mut rig, reader) = rig();
    let twin = KeyHash(key(1).0 ^ 1);
    let spot = reader.find(twin).expect("the index cannot tell them apart");
    assert!(matches!(reader.read(&spot, Patience::Wait), Ok(Reading::Absent)));
    assert!(rig.has(1), "nothing is wrong with it");
    rig.log.write(&Content { kind: Kind::Entry, key: twin, meta: b"", body: b"" }).expect("there is room");
    assert!(!rig.has(1));
}

#[test]
fn a_segment_that_is_evicted_can_be_read_to_its_end() {
    let (mut rig, reader) = rig();
    let spot = reader.find(key(1)).expect("just put");
    rig.log.remove_all().expect("removable");
    assert!(reader.find(key(1)).is_none());
    assert!(matches!(reader.read(&spot, Patience::Wait), Ok(Reading::Here(record)) if record.body.len() == 100));
}

#[test]
fn reads_are_counted_for_eviction() {
    let (_rig, reader) = rig();
    let spot = reader.find(key(1)).expect("just put");
    assert_eq!((spot.standing.kind, spot.standing.reads), (Kind::Spec, 0));
    assert!(matches!(reader.read(&spot, Patience::Wait), Ok(Reading::Here(_))));
    assert_eq!(reader.find(key(1)).expect("still there").standing.reads, 1);
}
