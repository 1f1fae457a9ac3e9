//! How a store begins and ends.

use super::rig::{Rig, STEPS};
use crate::cache::disk::answer::Put;
use crate::cache::disk::home::Begun;
use crate::cache::disk::simulation::held::HeldDisk;
use crate::cache::disk::simulation::held::HeldSite;
use crate::cache::disk::state::State;

const SUPERBLOCK: &str = "store";

/// A store with something in it, and its superblock changed.
fn changed(change: impl Fn(&mut [u8])) -> HeldDisk {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    let disk = rig.disk().fork();
    let mut bytes = disk.bytes(SUPERBLOCK);
    change(&mut bytes);
    disk.set_bytes(SUPERBLOCK, &bytes);
    disk
}

#[test]
fn a_store_is_found_again_with_its_secret() {
    let rig = Rig::new();
    assert_eq!(rig.store.home().map(|home| home.begun), Some(Begun::Anew));
    rig.put_and_flush("a", "1");
    let (store, key) = (rig.store.home().map(|home| home.store), rig.key("a"));
    let rig = rig.restart();
    assert_eq!(rig.store.home().map(|home| home.begun), Some(Begun::Before));
    assert_eq!((rig.store.home().map(|home| home.store), rig.key("a")), (store, key));
    assert_eq!(rig.get("a").as_deref(), Some("1"));
}

#[test]
fn a_damaged_superblock_begins_the_store_anew() {
    for at in [0, 8, 16, 24, 39, 56, 63] {
        let disk = changed(|bytes| bytes[at] ^= 4);
        let rig = Rig::on(HeldSite::on(disk.clone()));
        assert_eq!(rig.store.home().map(|home| home.begun), Some(Begun::Anew), "byte {at}");
        assert_eq!((rig.state(), rig.get("a")), (State::Ok, None));
        assert!(disk.names().iter().all(|name| !name.ends_with(".segment")), "byte {at}");
    }
}

#[test]
fn a_store_of_another_version_is_left_alone_and_this_one_is_beside_it() {
    let disk = changed(|bytes| {
        bytes[8] = 2;
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&sum.to_le_bytes());
    });
    let before = (disk.names(), disk.bytes(SUPERBLOCK));
    let site = HeldSite::on(disk.clone());
    let rig = Rig::on(site.clone());
    rig.put_and_flush("b", "1");
    assert_eq!(rig.restart().get("b").as_deref(), Some("1"));
    assert_eq!((disk.names(), disk.bytes(SUPERBLOCK)), before);
    assert!(!site.disk(1).names().is_empty());
}

#[test]
fn a_clean_end_writes_everything_that_waits() {
    for end in [|rig: &Rig| rig.store.0.close(), |_: &Rig| ()] {
        let rig = Rig::new();
        rig.disk().close_gate();
        for n in 0..50 {
            assert_eq!(rig.put(&format!("key {n}"), "1"), Put::Queued);
        }
        rig.disk().open_gate();
        end(&rig);
        let rig = rig.restart();
        assert!((0..50).all(|n| rig.get(&format!("key {n}")).as_deref() == Some("1")));
    }
}

#[test]
fn a_closed_store_is_read_and_takes_nothing_more() {
    let rig = Rig::new();
    rig.put("a", "1");
    rig.put("b", "1");
    rig.store.0.close();
    assert_eq!(rig.get("a").as_deref(), Some("1"));
    assert_eq!(rig.put("c", "1"), Put::Skipped);
    rig.remove("b");
    assert_eq!((rig.get("b"), rig.get("c")), (None, None));
}

#[test]
fn the_budget_holds_with_what_others_keep_in_the_folder() {
    let rig = Rig::new();
    let evictions = prometheus::IntCounterVec::new(prometheus::Opts::new("evictions", "x"), &["tier", "reason"]);
    let evictions = evictions.expect("a name and labels");
    rig.store.count_evictions_in(&evictions);
    let body = "x".repeat(10_000);
    for n in 0..400 {
        rig.put_and_flush(&format!("key {n}"), &body);
        assert!(rig.disk().used() <= 1 << 21);
    }
    let before = evictions.with_label_values(&["disk", "size"]).get();
    assert!(before > 200, "{before} evicted");
    let mut share = rig.store.share();
    share.set(500_000);
    rig.put_and_flush("a", &body);
    rig.put_and_flush("last", &body);
    assert!(rig.disk().used() <= (1 << 21) - 500_000, "{} bytes", rig.disk().used());
    assert!(evictions.with_label_values(&["disk", "size"]).get() > before + 20);
    assert_eq!(rig.get("last"), Some(body));
}

#[test]
fn a_smaller_budget_is_kept_as_soon_as_the_disk_lets_go_of_something() {
    let rig = Rig::new();
    let body = "x".repeat(10_000);
    for n in 0..300 {
        rig.put_and_flush(&format!("key {n}"), &body);
    }
    let mut share = rig.store.share();
    share.set(500_000);
    rig.disk().refuse(Some(5));
    rig.nudge();
    rig.until(State::Failed);
    rig.disk().refuse(None);
    rig.nudge();
    rig.until(State::Ok);
    let used = rig.disk().used();
    // Twice the share and half a mebibyte are free.
    assert!(used <= (1 << 21) - 1_000_000 - (512 << 10), "{used} bytes");
}

#[test]
fn a_budget_that_others_use_up_leaves_an_empty_store_that_is_well() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    let mut share = rig.store.share();
    share.set(2 << 20);
    // The first one is on its way to a writer that has not looked yet.
    for key in ["b", "c"] {
        rig.put_and_flush(key, "1");
    }
    assert_eq!((rig.get("a"), rig.get("c"), rig.state()), (None, None, State::Ok));
    assert_eq!(rig.metric("forebay_disk_errors_total", &["write"]), 0.0);
    drop(share);
    rig.put_and_flush("c", "1");
    rig.put_and_flush("d", "1");
    assert_eq!(rig.get("d").as_deref(), Some("1"));
}

#[test]
fn a_store_that_is_begun_anew_has_nothing_and_tells_its_attendant_first() {
    let rig = Rig::new();
    for key in ["a", "b"] {
        rig.put_and_flush(key, "1");
    }
    rig.remove("b");
    let before = rig.store.home().expect("a folder").store;
    let (told, tell) = std::sync::mpsc::channel();
    rig.store.attend(Box::new(move |home| {
        // The first try fails, so there is a second one.
        told.send(home.store).expect("the test waits");
        if home.store % 2 == 0 { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
    }));
    rig.store.begin_anew();
    assert_eq!(rig.get("a"), None);
    let begun = tell.iter().inspect(|_| rig.nudge()).find(|store| store % 2 == 1);
    rig.until(State::Ok);
    rig.put_and_flush("c", "1");
    assert_eq!(rig.store.home().map(|home| home.store), begun);
    assert_ne!(begun, Some(before));
    assert_eq!((rig.get("a"), rig.get("b"), rig.get("c").as_deref()), (None, None, Some("1")));
    let rig = rig.kill();
    assert_eq!((rig.get("a"), rig.get("b"), rig.get("c").as_deref()), (None, None, Some("1")));
}

#[test]
fn what_eviction_kept_and_what_came_after_it_is_found_again() {
    let site = HeldSite::on(HeldDisk::new(1));
    let begin = |site| Rig::sized(site, STEPS, 700 << 10);
    let rig = begin(site.clone());
    let body = "x".repeat(1_000);
    for n in 0..500 {
        rig.put_and_flush(&format!("key {n}"), &body);
        // What is read is kept by eviction.
        assert!(rig.get(&format!("key {}", n / 5 * 5)).is_some());
    }
    let kept = |rig: &Rig| (0..500).filter(|n| rig.get(&format!("key {n}")).is_some()).count();
    let before = kept(&rig);
    assert!(before > 80, "{before} kept");
    drop(rig);
    assert_eq!(kept(&begin(site)), before);
}
