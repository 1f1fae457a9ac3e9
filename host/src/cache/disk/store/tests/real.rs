//! The store over real files, in folders that are locked, removed, full, read-only or no folders at all.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use prometheus::Registry;
use tempfile::TempDir;

use super::rig::{Rig, STEPS, config};
use crate::cache::disk::answer::Put;
use crate::cache::disk::site::Folders;
use crate::cache::disk::state::State;
use crate::cache::disk::store::Store;
use crate::cache::disk::writer::Pace;

fn open(path: &Path) -> Rig<Folders> {
    // The folder is looked at in every turn.
    let pace = Pace { look: Duration::ZERO, ..STEPS };
    let registry = Registry::new();
    let store = Store::begin(Folders::new(path.to_owned()), &config(), pace, &registry).expect("metrics of its own");
    Rig { site: Folders::new(path.to_owned()), store, registry }
}

/// A small file system of its own, for as long as this lives.
struct Mount(TempDir);

impl Mount {
    /// `None` where the tests may not mount, which is said.
    fn new(bytes: u32) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let options = format!("size={bytes}");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &options, "forebay-test"], folder.path());
        if !mounted {
            println!("skipped: mounting a tmpfs needs privileges that this process does not have");
        }
        mounted.then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", &format!("remount,{options}")], self.0.path()), "remounted {options}");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        assert!(run("umount", &["-l"], self.0.path()), "unmounted");
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_store_in_real_files_is_found_again() {
    let folder = TempDir::new().expect("a temporary folder");
    let rig = open(&folder.path().join("a/b"));
    assert_eq!(rig.state(), State::Ok);
    rig.put("a", "1");
    drop(rig);
    let rig = open(&folder.path().join("a/b"));
    assert_eq!(rig.get("a").as_deref(), Some("1"));
}

#[test]
fn two_stores_do_not_share_a_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    let first = open(folder.path());
    let second = open(folder.path());
    assert_eq!((first.state(), second.state()), (State::Ok, State::Locked));
    assert_eq!((first.put("a", "1"), second.put("a", "2")), (Put::Queued, Put::Skipped));
    drop(first);
    second.nudge();
    second.until(State::Ok);
    assert_eq!(second.get("a"), None, "nobody told it what was given up meanwhile");
    second.put_and_flush("a", "3");
    assert_eq!(second.get("a").as_deref(), Some("3"));
}

#[test]
fn a_folder_that_is_removed_under_a_store_is_made_again() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("cache");
    let rig = open(&path);
    rig.put_and_flush("a", "1");
    let before = rig.store.home().expect("a folder").store;
    // In one step, or the store would make it again while its files are still being removed.
    fs::rename(&path, folder.path().join("trash")).expect("moved");
    fs::remove_dir_all(folder.path().join("trash")).expect("removed");
    rig.nudge();
    while rig.store.home().is_none_or(|home| home.store == before) {
        std::thread::yield_now();
    }
    rig.until(State::Ok);
    assert_eq!(rig.get("a"), None);
    rig.put_and_flush("b", "1");
    drop(rig);
    assert_eq!(open(&path).get("b").as_deref(), Some("1"));
}

#[test]
fn what_is_no_folder_bars_the_store_until_it_is_one() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("cache");
    fs::write(&path, "").expect("written");
    let rig = open(&path);
    assert!(matches!(rig.state(), State::Absent | State::Failed), "{:?}", rig.state());
    assert_eq!((rig.put("a", "1"), rig.get("a")), (Put::Skipped, None));
    fs::remove_file(&path).expect("removed");
    rig.nudge();
    rig.until(State::Ok);
    rig.put_and_flush("a", "1");
}

#[test]
fn a_file_system_smaller_than_the_budget_is_used_to_its_end() {
    let Some(mount) = Mount::new(400 << 10) else { return };
    let rig = open(mount.path());
    let body = "x".repeat(20_000);
    for n in 0..100 {
        rig.put_and_flush(&format!("key {n}"), &body);
        assert_eq!(rig.get(&format!("key {n}")).as_deref(), Some(&*body), "key {n}");
    }
    assert_eq!(rig.state(), State::Ok);
    let kept = |rig: &Rig<Folders>| (0..100).filter(|n| rig.get(&format!("key {n}")).is_some()).count();
    let before = kept(&rig);
    // What the file system says is free lags behind what was freed, on a busy machine by several segments.
    assert!(before >= 3, "{before} of about 14");
    drop(rig);
    assert_eq!(kept(&open(mount.path())), before);
}

#[test]
fn a_file_system_that_others_filled_comes_back_when_they_go() {
    let Some(mount) = Mount::new(400 << 10) else { return };
    let rig = open(mount.path());
    rig.put_and_flush("a", "1");
    let filler = mount.path().join("filler");
    // Writes until there is no room left, which is an error by then.
    _ = fs::write(&filler, vec![0; 1 << 20]);
    rig.put("b", &"x".repeat(20_000));
    rig.until(State::Full);
    assert_eq!(rig.put("c", "1"), Put::Skipped);
    fs::remove_file(&filler).expect("removed");
    rig.nudge();
    rig.until(State::Ok);
    rig.put_and_flush("c", "1");
    assert_eq!((rig.get("b"), rig.get("c").as_deref()), (None, Some("1")));
}

#[test]
fn a_read_only_file_system_bars_the_store_until_it_takes_writes() {
    let Some(mount) = Mount::new(1 << 20) else { return };
    let rig = open(mount.path());
    for key in ["a", "b"] {
        rig.put_and_flush(key, "1");
    }
    drop(rig);
    // Nothing is open for writing now, or it could not be remounted.
    mount.remount("ro");
    let barred = open(mount.path());
    assert_eq!((barred.state(), barred.put("c", "1")), (State::ReadOnly, Put::Skipped));
    mount.remount("rw");
    barred.nudge();
    barred.until(State::Ok);
    assert_eq!(barred.get("a"), None, "nobody could write down what was given up meanwhile");
    barred.put_and_flush("c", "1");
    assert_eq!(barred.get("c").as_deref(), Some("1"));
}
