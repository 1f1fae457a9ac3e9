//! The sandbox's engine: one per process, with the ticker that ends guests which run too long.
//!
//! Compiled code checks an epoch counter at loops and calls; the ticker thread moves it every millisecond, and every
//! callback is given a number of ticks. The engine lives as long as any `Filters` does, and its ticker with it.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, EngineWeak, WasmBacktraceDetails};

use super::isolation::tracking;

/// The grain of deadlines. A shorter tick wakes an idle node more often; 1 ms costs it under 0.5 % of one core.
const TICK: Duration = Duration::from_millis(1);

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
        let mut told = 0;
        while let Some(engine) = engine.upgrade() {
            let passed = begun.elapsed();
            let due = whole_ticks(passed);
            // A core that a guest keeps busy may let the ticker wait for some ticks: they are made up for.
            (told..due).for_each(|_| engine.increment_epoch());
            told = due;
            drop(engine);
            let into = passed.subsec_nanos() % TICK.subsec_nanos();
            thread::sleep(TICK - Duration::from_nanos(into.into()));
        }
    })
}

fn whole_ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
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
    fn no_guest_is_asked_a_tick_too_late() {
        assert_eq!(ticks(Duration::from_micros(9_900)), 9);
        assert_eq!(ticks(Duration::from_micros(1)), 1);
        assert!(ticks(Duration::MAX) <= u64::MAX / 2);
    }
}
