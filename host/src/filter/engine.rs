//! The sandbox's engine: one per process, with the ticker that ends guests which run too long.
//!
//! Compiled code checks an epoch counter at loops and calls, every callback is given a number of ticks, and the ticker
//! thread moves the counter: every millisecond while somebody stays in a guest, else only so often that nobody does so
//! unseen, and not at all while nobody comes. The engine lives as long as any `Filters` does, and its ticker with it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, EngineWeak, WasmBacktraceDetails};

use super::bounds::overtime::UNCOUNTED;
use super::bounds::presence::{Lookout, Sight};
use super::isolation::tracking;

/// The grain of deadlines. Kept up all the time, a tick costs 20 us: 2 % of one core.
const TICK: Duration = Duration::from_millis(1);

/// So often a ticker that rests looks whether its engine is still in use.
const REST_MAX: Duration = Duration::from_secs(1);

/// Ticks from one look at who is in a guest to the next, while nobody is seen twice: no more than any guest may compute
/// uncounted, and no more than that the first guest with a shorter deadline may wait for.
static STRIDE: AtomicU64 = AtomicU64::new(10);

/// The engine in use, if there is one.
static SHARED: Mutex<Option<EngineWeak>> = Mutex::new(None);

/// The process's engine, made now where nobody uses one.
pub(super) fn shared() -> wasmtime::Result<Engine> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = shared.as_ref().and_then(EngineWeak::upgrade) {
        return Ok(engine);
    }
    let engine = build()?;
    start_ticker(&engine)?;
    *shared = Some(engine.weak());
    Ok(engine)
}

/// The ticks of a callback until its processor time begins to be counted; from now on the ticker looks at least that often.
pub(super) fn uncounted_ticks(deadline: Duration) -> u64 {
    let ticks = ticks(deadline / UNCOUNTED);
    STRIDE.fetch_min(ticks, Ordering::Relaxed);
    ticks
}

/// The ticks that end before `left` has passed, or else with the next one: who is asked too early is given more.
pub(super) fn ticks(left: Duration) -> u64 {
    whole_ticks(left).clamp(1, u64::MAX / 2)
}

fn build() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    // What no SDK emits and the ABI has no words for: pointers are 32 bits, and there is one memory.
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    tracking::prepare(&mut config);
    Engine::new(&config)
}

fn start_ticker(engine: &Engine) -> io::Result<JoinHandle<()>> {
    let engine = engine.weak();
    thread::Builder::new().name("filter-ticker".into()).spawn(move || {
        let begun = Instant::now();
        let mut lookout = Lookout::new();
        let mut told = 0;
        while let Some(engine) = engine.upgrade() {
            let passed = begun.elapsed();
            let due = whole_ticks(passed);
            // A core that a guest keeps busy may let the ticker wait for some ticks: they are made up for.
            (told..due).for_each(|_| engine.increment_epoch());
            told = due;
            drop(engine);
            let into = Duration::from_nanos((passed.subsec_nanos() % TICK.subsec_nanos()).into());
            match lookout.look() {
                Sight::Staying => thread::sleep(TICK - into),
                Sight::Passing => thread::sleep(stride() - into),
                Sight::Nobody => lookout.rest(REST_MAX),
            }
        }
    })
}

fn stride() -> Duration {
    TICK.saturating_mul(u32::try_from(STRIDE.load(Ordering::Relaxed)).unwrap_or(u32::MAX))
}

fn whole_ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::super::bounds::presence;
    use super::*;

    #[test]
    fn filters_of_one_process_share_one_engine() {
        let first = shared().unwrap();
        assert!(Engine::same(&first, &shared().unwrap()));
    }

    #[test]
    fn ticker_ends_with_its_engine() {
        let engine = build().unwrap();
        let ticker = start_ticker(&engine).unwrap();
        assert!(!ticker.is_finished());
        drop(engine);
        ticker.join().unwrap();
    }

    #[test]
    fn ticker_rests_until_somebody_comes() {
        let engine = build().unwrap();
        let _ticker = start_ticker(&engine).unwrap();
        while !presence::a_ticker_rests() {
            thread::yield_now();
        }
        let _inside = presence::enter(Instant::now());
        assert!(!presence::a_ticker_rests());
    }

    #[test]
    fn no_guest_is_asked_a_tick_too_late() {
        assert_eq!(ticks(Duration::from_micros(9_900)), 9);
        assert_eq!(ticks(Duration::from_micros(1)), 1);
        assert!(ticks(Duration::MAX) <= u64::MAX / 2);
    }
}
