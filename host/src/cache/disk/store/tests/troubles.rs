//! Every way in which a disk fails, and the way back.

use super::rig::{Rig, STEPS, runtime};
use crate::cache::disk::answer::Put;
use crate::cache::disk::simulation::held::HeldDisk;
use crate::cache::disk::simulation::held::HeldSite;
use crate::cache::disk::site::Barred;
use crate::cache::disk::state::State;
use crate::cache::disk::stock::OWED_MAX;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

fn locked() -> Barred {
    Barred::Locked("x/v1".to_owned())
}

fn barred(error: i32) -> Barred {
    Barred::Io { folder: "x/v1".to_owned(), error: std::io::Error::from_raw_os_error(error) }
}

#[test]
fn writes_that_fail_make_a_state_and_its_end_brings_the_store_back() {
    for (error, state) in [(ENOSPC, State::Full), (EIO, State::Failed), (EROFS, State::ReadOnly)] {
        let rig = Rig::new();
        rig.put_and_flush("a", "1");
        rig.disk().refuse(Some(error));
        assert_eq!(rig.put("b", "1"), Put::Queued);
        rig.until(state);
        assert_eq!(rig.metric("forebay_disk_state", &[state.word()]), 1.0);
        assert_eq!(rig.metric("forebay_disk_state", &["ok"]), 0.0);
        assert_eq!(rig.get("b"), None, "it is not on the disk");
        if state != State::Full {
            assert_eq!(rig.get("a").as_deref(), Some("1"), "what is there is read");
        }
        assert_eq!(rig.put("c", "1"), Put::Skipped);
        assert_eq!(rig.metric("forebay_disk_admissions_total", &["unavailable"]), 1.0);
        rig.disk().refuse(None);
        rig.nudge();
        rig.until(State::Ok);
        rig.put_and_flush("c", "2");
        assert_eq!(rig.kill().get("c").as_deref(), Some("2"));
    }
}

#[test]
fn an_overwrite_that_failed_does_not_bring_back_what_was_there() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    rig.disk().refuse(Some(EIO));
    rig.put("a", "2");
    rig.until(State::Failed);
    assert_eq!(rig.get("a"), None);
    rig.disk().refuse(None);
    rig.nudge();
    rig.until(State::Ok);
    rig.flush();
    assert_eq!(rig.get("a"), None);
    assert_eq!(rig.kill().get("a"), None);
}

#[test]
fn removals_are_owed_until_the_disk_takes_them() {
    let rig = Rig::new();
    for key in ["a", "b", "c"] {
        rig.put_and_flush(key, "1");
    }
    rig.disk().refuse(Some(EIO));
    rig.remove("a");
    rig.until(State::Failed);
    assert_eq!(rig.put("b", "2"), Put::Skipped);
    for errors in 2..5 {
        rig.nudge();
        rig.until_metric("forebay_disk_errors_total", &["write"], errors);
    }
    assert_eq!((rig.get("a"), rig.get("c").as_deref()), (None, Some("1")));
    rig.disk().refuse(None);
    rig.nudge();
    rig.until(State::Ok);
    rig.flush();
    let rig = rig.kill();
    assert_eq!((rig.get("a"), rig.get("b"), rig.get("c").as_deref()), (None, None, Some("1")));
}

#[test]
fn what_is_owed_to_the_disk_at_the_end_does_not_come_back() {
    let rig = Rig::new();
    for key in ["a", "b"] {
        rig.put_and_flush(key, "1");
    }
    rig.disk().refuse_writes();
    rig.remove("a");
    rig.until(State::Failed);
    let disk = rig.disk();
    drop(rig);
    let rig = Rig::on(HeldSite::on(disk.fork()));
    assert_eq!((rig.state(), rig.get("a")), (State::Ok, None));
}

#[test]
fn too_many_owed_removals_make_everything_void() {
    let rig = Rig::new();
    let keys: Vec<String> = (0..OWED_MAX + 50).map(|n| format!("key {n}")).collect();
    for key in &keys {
        rig.put_and_flush(key, "1");
    }
    rig.disk().refuse(Some(EIO));
    keys[..OWED_MAX + 10].iter().for_each(|key| rig.remove(key));
    assert!(keys.iter().all(|key| rig.get(key).is_none()), "nothing is believed any more");
    rig.until(State::Failed);
    rig.disk().refuse(None);
    rig.nudge();
    rig.until(State::Ok);
    rig.put_and_flush("new", "1");
    assert!(keys.iter().all(|key| rig.get(key).is_none()));
    let rig = rig.kill();
    assert!(keys.iter().all(|key| rig.get(key).is_none()), "and the disk has nothing of it");
    assert_eq!(rig.get("new").as_deref(), Some("1"));
}

#[test]
fn a_folder_that_bars_at_the_start_is_tried_again_and_begun_empty() {
    let cases: [(fn() -> Barred, State); 4] = [
        (locked, State::Locked),
        (|| barred(13), State::Failed),
        (|| barred(2), State::Absent),
        (|| barred(EROFS), State::ReadOnly),
    ];
    for (bar, state) in cases {
        let first = Rig::new();
        first.put_and_flush("a", "1");
        let site = HeldSite::on(first.disk().fork());
        site.bar(Some(bar));
        let rig = Rig::on(site.clone());
        assert_eq!(rig.state(), state);
        let key = rig.key("a");
        assert_eq!((rig.put("a", "2"), rig.get("a")), (Put::Skipped, None));
        site.bar(None);
        rig.nudge();
        rig.until(State::Ok);
        assert_eq!((rig.get("a"), rig.key("a")), (None, key), "what it had may be stale, and hashes stay");
        rig.put_and_flush("b", "1");
        let rig = rig.restart();
        assert_eq!((rig.get("a"), rig.get("b").as_deref(), rig.key("a")), (None, Some("1"), key));
    }
}

#[test]
fn a_folder_that_was_taken_away_is_begun_anew_in_its_place() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    rig.store.attend(Box::new({
        let told = told.clone();
        move |home| {
            told.lock().expect("no panic").push((home.store, home.begun));
            Ok(())
        }
    }));
    let before = rig.store.home().expect("a folder").store;
    let old = rig.disk();
    rig.site.replace(HeldDisk::new(2));
    // The old folder is gone, so whatever needs it fails.
    old.refuse(Some(2));
    rig.put("b", "1");
    rig.until(State::Absent);
    rig.nudge();
    rig.until(State::Ok);
    let home = rig.store.home().expect("the new folder");
    assert_ne!(home.store, before);
    assert_eq!(*told.lock().expect("no panic"), [(home.store, home.begun)]);
    rig.put_and_flush("c", "1");
    assert_eq!((rig.get("a"), rig.get("b"), rig.get("c").as_deref()), (None, None, Some("1")));
    assert_eq!(rig.restart().get("c").as_deref(), Some("1"));
}

#[test]
fn who_waits_for_room_is_told_when_the_disk_fails() {
    let rig = Rig::new();
    rig.disk().close_gate();
    let held = runtime().block_on(rig.store.reserve(32 << 10)).expect("half of the queue");
    rig.put("a", "1");
    rig.disk().wait_at_gate();
    rig.disk().refuse(Some(EIO));
    let told = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| runtime().block_on(rig.store.reserve(1)).is_some());
        rig.disk().open_gate();
        waiter.join().expect("no panic")
    });
    assert!(!told);
    drop(held);
}

#[test]
fn the_log_is_recovered_while_requests_are_answered() {
    let rig = Rig::new();
    rig.put_and_flush("a", "1");
    rig.put_and_flush("b", "1");
    rig.put_and_flush("c", "1");
    let disk = rig.disk().fork();
    disk.close_gate();
    let pace = crate::cache::disk::writer::Pace { start: std::time::Duration::ZERO, ..STEPS };
    let rig = Rig::with(HeldSite::on(disk), pace);
    assert_eq!(rig.state(), State::Recovering);
    assert_eq!(rig.get("a"), None, "nobody knows yet");
    rig.remove("a");
    assert_eq!(rig.put("b", "2"), Put::Queued);
    assert_eq!(rig.get("b").as_deref(), Some("2"));
    rig.disk().open_gate();
    rig.until(State::Ok);
    let seen = |rig: &Rig| ["a", "b", "c"].map(|key| rig.get(key));
    let expected = [None, Some("2".to_owned()), Some("1".to_owned())];
    assert_eq!(seen(&rig), expected);
    rig.flush();
    assert_eq!(seen(&rig.kill()), expected);
}
