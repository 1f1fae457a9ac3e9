//! What is found when: reads see every put and removal at once, and the disk gets as few of them as it must.

use bytes::Bytes;

use super::rig::{Rig, runtime};
use crate::cache::disk::answer::{Put, Reading};
use crate::cache::disk::metrics::Outcome;
use crate::cache::disk::record::Kind;

const RECORDS: &str = "forebay_disk_write_seconds";

#[test]
fn what_is_put_and_removed_is_seen_at_once_while_the_disk_stands_still() {
    let rig = Rig::new();
    rig.put_and_flush("old", "1");
    rig.disk().close_gate();
    rig.put("a", "1");
    rig.disk().wait_at_gate();
    assert_eq!(rig.get("a").as_deref(), Some("1"));
    rig.put("a", "2");
    assert_eq!(rig.get("a").as_deref(), Some("2"));
    assert_eq!(rig.store.kind(rig.key("a")), Some(Kind::Entry));
    rig.remove("a");
    rig.remove("old");
    assert_eq!((rig.get("a"), rig.store.kind(rig.key("a"))), (None, None));
    assert_eq!((rig.get("old"), rig.store.kind(rig.key("old"))), (None, None));
    rig.put("b", "1");
    rig.disk().open_gate();
    rig.flush();
    assert_eq!((rig.get("a"), rig.get("old"), rig.get("b").as_deref()), (None, None, Some("1")));
    let rig = rig.kill();
    assert_eq!((rig.get("a"), rig.get("old"), rig.get("b").as_deref()), (None, None, Some("1")));
}

#[test]
fn what_was_superseded_is_not_written() {
    let rig = Rig::new();
    rig.disk().close_gate();
    rig.put("first", "1");
    rig.disk().wait_at_gate();
    for version in 0..100 {
        rig.put("a", &version.to_string());
    }
    rig.disk().open_gate();
    rig.flush();
    assert_eq!(rig.metric(RECORDS, &[]), 2.0);
    assert_eq!(rig.kill().get("a").as_deref(), Some("99"));
}

#[test]
fn what_was_superseded_takes_its_place_until_its_turn_comes() {
    let rig = Rig::new();
    rig.disk().close_gate();
    rig.put("first", "1");
    rig.disk().wait_at_gate();
    let queued = (0..10_000).take_while(|_| rig.put("a", "1") == Put::Queued).count();
    assert!((250..400).contains(&queued), "{queued} operations in 64 KiB");
    assert_eq!(rig.get("a"), None, "the last one was skipped");
    rig.disk().open_gate();
    rig.flush();
    assert_eq!(rig.metric("forebay_disk_queue_bytes", &[]), 0.0);
    rig.put_and_flush("a", "2");
    assert_eq!(rig.kill().get("a").as_deref(), Some("2"));
}

#[test]
fn removing_what_is_not_there_writes_nothing() {
    let rig = Rig::new();
    rig.remove("a");
    rig.put_and_flush("b", "1");
    rig.remove("b");
    rig.remove("b");
    rig.flush();
    rig.remove("b");
    rig.flush();
    assert_eq!(rig.metric(RECORDS, &[]), 2.0, "one put and one removal");
}

#[test]
fn a_full_queue_skips_the_put_and_removes_what_the_key_had() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    rig.disk().close_gate();
    let body = "x".repeat(1_000);
    let queued = (0..).take_while(|n| rig.put(&format!("key {n}"), &body) == Put::Queued).count();
    assert!((40..=60).contains(&queued), "{queued} of about 54");
    assert!(rig.metric("forebay_disk_queue_bytes", &[]) <= 65_536.0);
    assert_eq!(rig.put("a", &body), Put::Skipped);
    assert_eq!(rig.metric("forebay_disk_admissions_total", &["queue_full"]), 2.0);
    assert_eq!(rig.get("a"), None);
    rig.disk().open_gate();
    rig.flush();
    assert_eq!(rig.metric("forebay_disk_queue_bytes", &[]), 0.0);
    let rig = rig.kill();
    assert_eq!(rig.get("a"), None);
    assert!((0..queued).all(|n| rig.get(&format!("key {n}")).as_deref() == Some(&body)));
}

#[test]
fn a_record_too_large_for_any_segment_leaves_nothing() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    rig.put_and_flush("a", &"x".repeat(128 << 10));
    assert_eq!(rig.get("a"), None);
    rig.put_and_flush("b", "1");
    let rig = rig.kill();
    assert_eq!((rig.get("a"), rig.get("b").as_deref()), (None, Some("1")));
}

#[test]
fn marks_tell_versions_apart() {
    let rig = Rig::new();
    let mark = || match rig.store.read(rig.key("a")) {
        Reading::Here(record) => record.mark,
        other => panic!("{other:?}"),
    };
    let latest = |mark| rig.store.is_latest(rig.key("a"), mark);
    rig.disk().close_gate();
    rig.put("a", "1");
    let first = mark();
    assert!(latest(first));
    rig.put("a", "2");
    let second = mark();
    assert!(latest(second) && !latest(first));
    rig.disk().open_gate();
    rig.flush();
    let written = mark();
    assert!(latest(written) && !latest(first));
    rig.put_and_flush("a", "3");
    assert!(latest(mark()) && !latest(written));
    let third = mark();
    rig.remove("a");
    assert!(!latest(third));
}

#[test]
fn room_that_was_waited_for_is_there_when_it_is_used() {
    let rig = Rig::new();
    rig.disk().close_gate();
    let slice = vec![7; 8 << 10];
    let room = runtime().block_on(rig.store.reserve(slice.len())).expect("the queue is empty");
    let body = "x".repeat(1_000);
    while rig.put(&format!("{:?}", std::time::Instant::now()), &body) == Put::Queued {}
    let key = rig.store.slice_key(9, 0);
    let content = (Bytes::new(), Bytes::from(slice));
    assert_eq!(rig.store.put_in(room, key, Kind::Slice, content), Put::Queued);
    assert_eq!(rig.store.kind(key), Some(Kind::Slice));
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| runtime().block_on(rig.store.reserve(32 << 10)).is_some());
        rig.disk().open_gate();
        waiter.join().expect("no panic")
    });
    assert!(waiting, "room comes back as the disk takes what waits");
}

#[test]
fn outcomes_of_others_are_counted_beside_those_of_puts() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    rig.store.count(Outcome::FirstRequest);
    for (result, count) in [("stored", 1.0), ("first_request", 1.0), ("rate", 0.0)] {
        assert_eq!(rig.metric("forebay_disk_admissions_total", &[result]), count, "{result}");
    }
}

#[test]
fn a_damaged_record_is_found_once_and_stays_away() {
    let rig = Rig::new();
    rig.put_and_flush("a", &"x".repeat(10_000));
    let segment = rig.disk().names().into_iter().find(|name| name.ends_with(".segment")).expect("the record's");
    let mut bytes = rig.disk().bytes(&segment);
    bytes[5_000] ^= 1;
    rig.disk().set_bytes(&segment, &bytes);
    assert_eq!(rig.get("a"), None);
    rig.flush();
    assert_eq!(rig.metric("forebay_disk_damaged_records_total", &[]), 1.0);
    assert_eq!(rig.get("a"), None);
    assert_eq!(rig.metric("forebay_disk_damaged_records_total", &[]), 1.0);
    rig.put_and_flush("a", "2");
    assert_eq!(rig.get("a").as_deref(), Some("2"));
}
