//! Which threads are in guests just now, and since when: the ticker of deadlines rests while none is.
//!
//! A thread that wakes every millisecond costs as much as two thousand requests a second, and on an idle node most of all.
//! So every way into a guest is through `enter`, and the ticker looks who is inside: it may be slow while nobody stays
//! there, and once nobody has come for a while it waits to be woken by the next one who enters.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So long nobody must have come before the ticker rests: waking it costs as much as some of its ticks.
const QUIET: Duration = Duration::from_millis(100);

/// Every thread that has been in a guest and has not ended.
static ROLL: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
static RESTING: AtomicBool = AtomicBool::new(false);
static COMING: Condvar = Condvar::new();

thread_local! {
    static POST: Post = Post::take();
}

struct Entry {
    counter: Arc<Counter>,
    /// What it came to at the last look.
    seen: u64,
}

/// What a thread keeps of it.
struct Post {
    counter: Arc<Counter>,
    since: Cell<Option<Instant>>,
}

/// How often a thread has gone in and out: odd while it is inside. On a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

impl Post {
    fn take() -> Self {
        let counter = Arc::<Counter>::default();
        roll().push(Entry { counter: counter.clone(), seen: 0 });
        Self { counter, since: Cell::new(None) }
    }
}

/// A thread's stay in a guest, until it is dropped there.
pub(in crate::filter) struct Inside {
    /// The stay that this one interrupts.
    outer: Option<Instant>,
    _on_this_thread: PhantomData<*const ()>,
}

/// Tells that this thread enters a guest, which may compute from `since` on.
pub(in crate::filter) fn enter(since: Instant) -> Inside {
    // A thread that is ending has no post any more; the ticker looks after it once in a while, as it rests.
    let outer = POST.try_with(|post| {
        let outer = post.since.replace(Some(since));
        if outer.is_none() {
            // In one order with the look at RESTING: either the ticker sees this thread, or this thread that it rests.
            post.counter.0.fetch_add(1, Ordering::SeqCst);
        }
        outer
    });
    let outer = outer.ok().flatten();
    if RESTING.load(Ordering::SeqCst) {
        wake();
    }
    Inside { outer, _on_this_thread: PhantomData }
}

impl Drop for Inside {
    fn drop(&mut self) {
        _ = POST.try_with(|post| {
            post.since.set(self.outer);
            if self.outer.is_none() {
                // Nobody else writes it.
                let count = post.counter.0.load(Ordering::Relaxed);
                post.counter.0.store(count + 1, Ordering::Release);
            }
        });
    }
}

/// How long this thread has been in a guest.
pub(in crate::filter) fn stayed() -> Duration {
    POST.try_with(|post| post.since.get()).ok().flatten().map_or(Duration::ZERO, |since| since.elapsed())
}

/// What the ticker sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Sight {
    /// Somebody is in a guest since the last look, or longer.
    Staying,
    /// Somebody came since, or not long before.
    Passing,
    Nobody,
}

/// A ticker's look at all threads.
pub(in crate::filter) struct Lookout {
    /// When somebody was last seen; `None` before that.
    seen_at: Option<Instant>,
}

impl Lookout {
    pub(in crate::filter) fn new() -> Self {
        Self { seen_at: None }
    }

    pub(in crate::filter) fn look(&mut self) -> Sight {
        self.sight(&mut roll())
    }

    /// Waits until somebody enters a guest, at most `longest`.
    pub(in crate::filter) fn rest(&mut self, longest: Duration) {
        let mut roll = roll();
        RESTING.store(true, Ordering::SeqCst);
        if self.sight(&mut roll) == Sight::Nobody {
            drop(COMING.wait_timeout(roll, longest));
        }
    }

    fn sight(&mut self, roll: &mut Vec<Entry>) -> Sight {
        roll.retain(|entry| Arc::strong_count(&entry.counter) > 1);
        let (mut came, mut stays) = (false, false);
        for Entry { counter, seen } in roll {
            let count = counter.0.load(Ordering::SeqCst);
            came |= count != *seen;
            stays |= count == *seen && count % 2 == 1;
            *seen = count;
        }
        if came || stays {
            self.seen_at = Some(Instant::now());
        }
        match stays {
            true => Sight::Staying,
            false if self.seen_at.is_some_and(|at| at.elapsed() < QUIET) => Sight::Passing,
            false => Sight::Nobody,
        }
    }
}

#[cfg(test)]
pub(in crate::filter) fn a_ticker_rests() -> bool {
    RESTING.load(Ordering::SeqCst)
}

/// Wakes all tickers that rest.
fn wake() {
    if RESTING.swap(false, Ordering::SeqCst) {
        // Who has set it holds the roll until it waits.
        drop(roll());
        COMING.notify_all();
    }
}

fn roll() -> MutexGuard<'static, Vec<Entry>> {
    ROLL.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Until `lookout` sees `awaited`.
    fn await_sight(lookout: &mut Lookout, awaited: Sight) {
        while lookout.look() != awaited {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_in_a_guest_is_seen_until_it_leaves() {
        let mut lookout = Lookout::new();
        let outer = enter(Instant::now());
        assert_eq!([lookout.look(), lookout.look()], [Sight::Passing, Sight::Staying]);
        drop(enter(Instant::now()));
        assert_eq!(lookout.look(), Sight::Staying, "a stay within another ended alone");
        drop(outer);
        assert_eq!(stayed(), Duration::ZERO);
        await_sight(&mut lookout, Sight::Passing);
        await_sight(&mut lookout, Sight::Nobody);
    }

    #[test]
    fn a_stay_is_as_long_as_the_clock_says() {
        let hour = Duration::from_secs(3600);
        let Some(since) = Instant::now().checked_sub(hour) else { return };
        let _inside = enter(since);
        assert!(stayed() >= hour && stayed() < hour * 2);
    }

    #[test]
    fn who_enters_wakes_who_rests() {
        let (told, hears) = mpsc::channel();
        let resting = thread::spawn(move || {
            let mut lookout = Lookout::new();
            await_sight(&mut lookout, Sight::Nobody);
            told.send(()).unwrap();
            // For ever, were it not woken.
            lookout.rest(Duration::MAX);
            lookout.look()
        });
        hears.recv().unwrap();
        let _inside = enter(Instant::now());
        assert_ne!(resting.join().unwrap(), Sight::Nobody);
    }
}
