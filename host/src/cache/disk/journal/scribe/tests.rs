//! What those who wait are told, how many syncs that takes, and what becomes of the file.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use prometheus::{IntCounter, Registry};

use super::*;
use crate::cache::disk::journal::file::NAME;
use crate::cache::disk::journal::ticket::Ticket;
use crate::cache::disk::journal::writing::Writing;
use crate::cache::disk::read_journal;
use crate::cache::disk::simulation::{PowerDisk, Trouble};

const STORE: u64 = 7;
const SMALL: u64 = 1_000;

/// A scribe whose standing is what a test says.
struct Desk {
    disk: PowerDisk,
    notes: Notes,
    scribe: Scribe<PowerDisk>,
    standing: Arc<Mutex<Vec<u8>>>,
    total: Arc<AtomicU64>,
    errors: IntCounter,
}

impl Desk {
    fn new() -> Self {
        let (disk, notes) = (PowerDisk::new(1), Notes::default());
        let (standing, total) = (Arc::new(Mutex::new(b"all".to_vec())), Arc::<AtomicU64>::default());
        let errors = IntCounter::new("errors", "of the test").expect("a name");
        let metrics = JournalMetrics::register(&Registry::new(), errors.clone()).expect("new");
        let told = standing.clone();
        let tell = Box::new(move || Some(told.lock().expect("no panic under the lock").clone()));
        let scribe = Scribe::new(tell, Share::of(total.clone()), metrics).eager(SMALL);
        Self { disk, notes, scribe, standing, total, errors }
    }

    fn attached() -> Self {
        let mut desk = Self::new();
        desk.scribe.attach(desk.seat()).expect("the disk works");
        desk
    }

    fn seat(&self) -> Seat<PowerDisk> {
        Seat { device: Arc::new(self.disk.clone()), store: STORE }
    }

    fn write(&mut self) {
        self.scribe.write_noted(&self.notes);
    }

    fn journal(&self) -> Vec<Vec<u8>> {
        let read = read_journal(&self.disk, STORE).expect("undamaged").expect("there");
        read.iter().map(|payload| payload.to_vec()).collect()
    }

    /// The bytes that are counted are those of the file.
    fn counts(&self) -> bool {
        self.total.load(Ordering::Relaxed) == self.disk.contents(NAME).expect("it is there").len() as u64
    }
}

fn told(ticket: Ticket) -> Option<Durability> {
    ticket.durable().now_or_never()
}

#[test]
fn notes_come_in_their_order_and_only_those_that_are_awaited_are_synced() {
    let mut desk = Desk::attached();
    let before = desk.disk.syncs();
    desk.notes.note(b"1".to_vec());
    desk.write();
    assert_eq!(desk.disk.syncs(), before, "nobody waits");
    let ticket = desk.notes.note_durably(b"2".to_vec());
    desk.notes.note(b"3".to_vec());
    desk.write();
    assert_eq!((told(ticket), desk.disk.syncs()), (Some(Ok(())), before + 1));
    assert_eq!(desk.journal(), [&b"all"[..], b"1", b"2", b"3"]);
    assert!(desk.counts());
}

#[tokio::test]
async fn a_thousand_who_wait_share_their_syncs() {
    let Desk { disk, notes, mut scribe, standing: _standing, .. } = Desk::new();
    scribe.attach(Seat { device: Arc::new(disk.clone()), store: STORE }).expect("the disk works");
    let before = disk.syncs();
    let note = || (0..100).map(|_| notes.note_durably(vec![0; 8])).collect::<Vec<_>>();
    let tickets: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..10).map(|_| scope.spawn(note)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let _writing = Writing::begin(scribe, notes).expect("a thread");
    assert!(join_all(tickets.into_iter().map(Ticket::durable)).await.iter().all(Result::is_ok));
    assert!(disk.syncs() - before <= 2, "{} syncs", disk.syncs() - before);
}

#[test]
fn without_a_folder_nothing_is_promised() {
    let mut desk = Desk::new();
    let ticket = desk.notes.note_durably(b"1".to_vec());
    desk.write();
    assert!(matches!(told(ticket), Some(Err(_))), "a restart might find the folder as an earlier life left it");
    desk.scribe.attach(desk.seat()).expect("the disk works");
    assert_eq!(desk.journal(), [b"all"], "a folder that comes later begins with how everything stands");
}

#[test]
fn a_disk_that_fails_is_told_of_and_later_has_everything() {
    for trouble in [Trouble::Eio, Trouble::Full] {
        for step in 0..2 {
            let mut desk = Desk::attached();
            // The write or, where there is room for it, the sync.
            desk.disk.expect(step, trouble);
            let ticket = desk.notes.note_durably(b"1".to_vec());
            desk.write();
            if trouble == Trouble::Full && step == 1 {
                assert_eq!(told(ticket), Some(Ok(())), "a full disk still syncs");
                continue;
            }
            assert!(matches!(told(ticket), Some(Err(_))), "{trouble:?} at {step}");
            let ticket = desk.notes.note_durably(b"2".to_vec());
            desk.write();
            assert!(matches!(told(ticket), Some(Err(_))), "still {trouble:?}");
            assert!(desk.errors.get() >= 2);
            assert_eq!(desk.scribe.patience(), Some(Duration::ZERO), "it is tried again by itself");
            desk.disk.mend();
            *desk.standing.lock().expect("no panic under the lock") = b"all and 1 and 2".to_vec();
            desk.write();
            desk.disk.cut_power();
            assert_eq!(desk.journal(), [b"all and 1 and 2"], "{trouble:?} at {step}");
            assert!(desk.scribe.patience().is_none() && desk.counts());
            let ticket = desk.notes.note_durably(b"3".to_vec());
            desk.write();
            assert_eq!(told(ticket), Some(Ok(())));
        }
    }
}

#[test]
fn between_two_tries_a_failing_disk_is_left_alone() {
    let mut desk = Desk::attached();
    desk.scribe.pause = RETRY_PAUSE;
    desk.disk.expect(0, Trouble::Eio);
    let ticket = desk.notes.note_durably(b"1".to_vec());
    desk.write();
    desk.disk.mend();
    let after = desk.notes.note_durably(b"2".to_vec());
    desk.write();
    let (first, second) = (told(ticket), told(after));
    assert!(matches!(first, Some(Err(_))) && first == second, "the same reason, at once");
    assert_eq!((desk.errors.get(), desk.scribe.patience()), (1, Some(RETRY_PAUSE)));
}

#[test]
fn a_long_journal_is_written_anew_and_one_that_cannot_be_grows() {
    let mut desk = Desk::attached();
    let note = vec![1; 300];
    for round in 0..20 {
        desk.notes.note(note.clone());
        desk.write();
        let length = desk.disk.contents(NAME).expect("it is there").len() as u64;
        assert!(length <= SMALL && desk.counts(), "{length} bytes after {round}");
    }
    while desk.total.load(Ordering::Relaxed) + 332 <= SMALL {
        desk.notes.note(note.clone());
        desk.write();
    }
    let records = desk.journal().len();
    // There is no draft to remove, one is made, and there is no room to write it.
    desk.disk.expect_once(2, Trouble::Full);
    let ticket = desk.notes.note_durably(note.clone());
    desk.write();
    assert_eq!((told(ticket), desk.journal().len()), (Some(Ok(())), records + 1), "it grows");
    assert_eq!(desk.errors.get(), 1);
}

#[test]
fn more_than_may_wait_becomes_how_everything_stands() {
    let mut desk = Desk::attached();
    let ticket = desk.notes.note_durably(vec![0; 3 << 20]);
    desk.notes.note(vec![0; 3 << 20]);
    desk.notes.note(b"more".to_vec());
    desk.write();
    assert_eq!((told(ticket), desk.journal()), (Some(Ok(())), vec![b"all".to_vec()]));
    desk.notes.note(b"next".to_vec());
    desk.write();
    assert_eq!(desk.journal(), [&b"all"[..], b"next"]);
}

#[tokio::test]
async fn whoever_ends_writes_what_is_noted_and_nobody_waits_for_one_who_has_ended() {
    let Desk { disk, notes, mut scribe, .. } = Desk::new();
    scribe.attach(Seat { device: Arc::new(disk.clone()), store: STORE }).expect("the disk works");
    let writing = Writing::begin(scribe, notes.clone()).expect("a thread");
    notes.note(b"last".to_vec());
    drop(writing);
    disk.cut_power();
    assert_eq!(read_journal(&disk, STORE).expect("undamaged").expect("there").len(), 2);
    assert!(notes.note_durably(b"late".to_vec()).durable().await.is_err());
}
