//! The thread on which a scribe works.
//!
//! Dropping it writes what has been noted and ends it. Should the thread die, nobody waits for it in vain.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::notes::Notes;
use super::scribe::{Scribe, Seat};
use crate::cache::disk::device::Device;

/// A scribe at work.
pub(in crate::cache) struct Writing<D: Device> {
    scribe: Arc<Mutex<Scribe<D>>>,
    notes: Notes,
    thread: Option<JoinHandle<()>>,
}

impl<D: Device> Writing<D> {
    pub(in crate::cache) fn begin(scribe: Scribe<D>, notes: Notes) -> io::Result<Self> {
        let scribe = Arc::new(Mutex::new(scribe));
        let work = (scribe.clone(), notes.clone());
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || run(&work.0, &work.1))?;
        Ok(Self { scribe, notes, thread: Some(thread) })
    }

    /// See `Scribe::attach`. Waits for the disk.
    pub(in crate::cache) fn attach(&self, seat: Seat<D>) -> io::Result<()> {
        lock(&self.scribe).attach(seat)
    }
}

impl<D: Device> Drop for Writing<D> {
    fn drop(&mut self) {
        self.notes.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing to say any more; the panic itself was printed.
            _ = thread.join();
        }
    }
}

fn run<D: Device>(scribe: &Mutex<Scribe<D>>, notes: &Notes) {
    let _end = End(notes);
    let mut patience = None;
    while let Some(batch) = notes.take(patience) {
        let mut scribe = lock(scribe);
        scribe.write(batch);
        patience = scribe.patience();
    }
    lock(scribe).finish();
}

/// A scribe that panicked has written nothing wrong: what it had not answered is told to be lost.
fn lock<D: Device>(scribe: &Mutex<Scribe<D>>) -> MutexGuard<'_, Scribe<D>> {
    scribe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody writes after this.
struct End<'a>(&'a Notes);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
