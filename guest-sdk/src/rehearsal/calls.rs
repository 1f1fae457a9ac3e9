//! The host calls outside WebAssembly: each goes to the world whose filter this thread is running.
//!
//! A thread that runs none has a world all the same, so that a filter's own types can be tested without a rehearsal.

use std::cell::RefCell;

use crate::Reply;
use crate::host::{Level, Map, MetricKind, Pairs, Refused};
use crate::rehearsal::world::World;

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new(""));
}

/// Runs a callback in a world. A callback that panics leaves a fresh one behind.
pub(crate) fn run<T>(world: &mut World, callback: impl FnOnce() -> T) -> T {
    let outside = WORLD.replace(std::mem::replace(world, World::new("")));
    let result = callback();
    *world = WORLD.replace(outside);
    result
}

pub(crate) fn log(level: Level, text: &str) {
    WORLD.with_borrow_mut(|world| world.logs.push((level, text.to_owned())));
}

pub(crate) fn now_nanos() -> u64 {
    WORLD.with_borrow(|world| world.now_nanos)
}

pub(crate) fn configuration() -> String {
    WORLD.with_borrow(|world| world.configuration.clone())
}

pub(crate) fn headers(map: Map) -> Pairs {
    WORLD.with_borrow_mut(|world| world.message(map).headers.clone())
}

pub(crate) fn header(map: Map, name: &str) -> Result<Option<Vec<u8>>, Refused> {
    Ok(headers(map).into_iter().find(|(known, _)| known == name.as_bytes()).map(|(_, value)| value))
}

pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| world.set(map, name, value))
}

pub(crate) fn add_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| world.add(map, name, value))
}

pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| world.remove(map, name));
    Ok(())
}

pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    WORLD.with_borrow(|world| world.properties.get(path).cloned())
}

pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| world.set_property(path, value));
    Ok(())
}

pub(crate) fn reply(reply: &Reply) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| world.answer(reply))
}

pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Refused> {
    WORLD.with_borrow_mut(|world| world.define(kind, name))
}

pub(crate) fn record_metric(id: u32, value: u64) {
    WORLD.with_borrow_mut(|world| world.record(id, value));
}

pub(crate) fn increment_metric(id: u32, amount: i64) {
    WORLD.with_borrow_mut(|world| world.increment(id, amount));
}
