//! The host calls outside WebAssembly: each goes to the world whose filter this thread is running.
//!
//! A thread that runs none has a world all the same, so that a filter's own types can be tested without a rehearsal.

use std::cell::RefCell;
use std::time::Duration;

use crate::Reply;
use crate::host::{Buffer, Cas, Fault, Level, Map, MetricKind, Pairs, Refused, Stream};
use crate::rehearsal::called::Called;
use crate::rehearsal::message::Message;
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

/// Looks at the world of the running filter; outside any, at this thread's own.
pub(crate) fn look<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(look)
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
    WORLD.with_borrow_mut(|world| world.pairs(map).clone())
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
    WORLD.with_borrow_mut(|world| {
        world.verbs.keep(path, value);
        world.properties.insert(path.to_owned(), value.to_vec());
    });
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

pub(crate) fn buffer(buffer: Buffer, bytes_max: usize) -> Vec<u8> {
    WORLD.with_borrow_mut(|world| {
        let bytes = world.buffer(buffer);
        bytes[..bytes_max.min(bytes.len())].to_vec()
    })
}

pub(crate) fn set_buffer(buffer: Buffer, start: usize, replaced: usize, bytes: &[u8]) -> Result<(), Refused> {
    WORLD.with_borrow_mut(|world| {
        world.buffer(buffer).splice(start..start + replaced, bytes.iter().copied());
    });
    Ok(())
}

pub(crate) fn buffered(buffer: Buffer) -> usize {
    WORLD.with_borrow_mut(|world| world.buffer(buffer).len())
}

pub(crate) fn shared(key: &str) -> Option<(Vec<u8>, Cas)> {
    WORLD.with_borrow(|world| world.commons.get(key, world.now_nanos))
}

pub(crate) fn set_shared(key: &str, value: &[u8], cas: Cas) -> Result<(), Fault> {
    WORLD.with_borrow_mut(|world| world.commons.set(key, (value, cas), world.now_nanos))
}

pub(crate) fn foreign(name: &str, arguments: &[u8]) -> Result<(), Fault> {
    WORLD.with_borrow_mut(|world| world.commons.foreign(name, arguments, world.now_nanos))
}

pub(crate) fn open_queue(name: &str) -> Result<u32, Fault> {
    WORLD.with_borrow_mut(|world| Ok(world.commons.open(name)))
}

pub(crate) fn find_queue(_: &str, name: &str) -> Option<u32> {
    WORLD.with_borrow(|world| world.commons.find(name))
}

pub(crate) fn push(queue: u32, item: &[u8]) -> Result<(), Fault> {
    WORLD.with_borrow_mut(|world| world.commons.push(queue, item))
}

pub(crate) fn pop(queue: u32) -> Option<Vec<u8>> {
    WORLD.with_borrow_mut(|world| world.commons.pop(queue))
}

pub(crate) fn tick_every(milliseconds: u32) {
    WORLD.with_borrow_mut(|world| world.tick = Some(Duration::from_millis(milliseconds.into())));
}

/// There is no want of memory here.
pub(crate) fn make_room() {}

pub(crate) fn http_call(origin: &str, headers: &[(String, String)], body: &[u8], timeout: u32) -> Result<u32, Refused> {
    let headers = headers.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
    let timeout = Duration::from_millis(timeout.into());
    let message = Message { headers, body: body.to_vec(), ..Message::default() };
    WORLD.with_borrow_mut(|world| {
        world.calls += 1;
        world.under_way.push_back((world.calls, Called { origin: origin.to_owned(), timeout, message }));
        Ok(world.calls)
    })
}

pub(crate) fn speak_for(_: u32) {}

pub(crate) fn resume(_: Stream) {
    WORLD.with_borrow_mut(|world| world.resumed = true);
}
