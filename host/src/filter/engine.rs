//! The sandbox's engine: one per process, with the ticker that ends guests which run too long.
//!
//! Compiled code checks an epoch counter at loops and calls; the ticker thread moves it every millisecond, and every
//! callback is given a number of ticks. The engine lives as long as any `Filters` does, and its ticker with it.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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

/// The ticks that give a guest at least `deadline`: the first tick may come at once, so there is one to spare.
pub(super) fn ticks(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
}

/// The ticks that end before `left` has passed, or else with the next one.
pub(super) fn whole_ticks(left: Duration) -> u64 {
    u64::try_from(left.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX / 2).clamp(1, u64::MAX / 2)
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
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })
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
    fn deadlines_are_never_shorter_than_asked() {
        assert_eq!(ticks(Duration::from_millis(10)), 11);
        assert_eq!(ticks(Duration::from_micros(1)), 2);
        assert!(ticks(Duration::MAX) <= u64::MAX / 2 + 1);
    }

    #[test]
    fn what_is_left_of_a_deadline_is_not_exceeded_by_a_tick() {
        assert_eq!(whole_ticks(Duration::from_micros(9_900)), 9);
        assert_eq!(whole_ticks(Duration::from_micros(1)), 1);
        assert!(whole_ticks(Duration::MAX) <= u64::MAX / 2);
    }
}
