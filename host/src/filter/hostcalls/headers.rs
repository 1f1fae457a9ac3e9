//! Host calls on header maps.
//!
//! A map that this host knows but has not got now reads as empty or `NotFound`, never as a wrong argument: SDKs end the
//! guest on statuses they do not expect.

use super::super::abi::{Abi, MapType, Status};
use super::super::bodies::direction::Direction;
use super::super::messages::message::{Joining, Message};
use super::super::messages::wire;
use super::super::state::State;
use super::memory::{self, Out, Slice, split};
use super::outcome::{Answer, Fault, Guest};

/// A guest that takes it out means to change the body.
const LENGTH: &[u8] = b"content-length";

/// Ends a guest that puts more into a header section than it may hold, in the middle of its callback: waiting for the
/// end would let it fill the node's memory.
#[derive(Debug, thiserror::Error)]
#[error("the guest puts more into a header section than header_count_max or header_bytes_max allow")]
pub(in super::super) struct HeadersOver;

/// The bytes of all names and values.
pub(super) fn size(guest: &mut Guest<'_>, map: u32, out: u32) -> Answer {
    let map = MapType::try_from(map)?;
    let (memory, state) = split(guest)?;
    let bytes = state.message(map).map_or(0, <dyn Message>::bytes);
    memory::write_u32(memory, out, u32::try_from(bytes).unwrap_or(u32::MAX))?;
    Ok(())
}

pub(super) fn pairs(guest: &mut Guest<'_>, map: u32, out: Out) -> Answer {
    let map = MapType::try_from(map)?;
    out.deliver(guest, |_, state, value| {
        if let Some(message) = state.message(map) {
            wire::write(|| message.pairs(), value);
        }
        Ok(())
    })
}

pub(super) fn set_pairs(guest: &mut Guest<'_>, map: u32, pairs: Slice) -> Answer {
    let map = MapType::try_from(map)?;
    let (memory, state) = split(guest)?;
    let pairs = wire::read(pairs.read(memory)?)?;
    let bytes = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    state.message_mut(map)?;
    grow(state, (map, pairs.len()), bytes)?;
    state.message_mut(map)?.replace(&pairs)?;
    if !pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(LENGTH)) {
        note_resized(state, map);
    }
    Ok(())
}

pub(super) fn value(guest: &mut Guest<'_>, map: u32, name: Slice, out: Out) -> Answer {
    let map = MapType::try_from(map)?;
    out.deliver(guest, |memory, state, value| {
        match state.message(map).and_then(|message| name.read(memory).map(|name| message.value(name)).transpose()) {
            Some(found) => value.extend_from_slice(found?),
            None => {
                name.read(memory)?;
                // 0.1.0 has no word for a header that is missing.
                if state.profile.abi != Abi::V0_1_0 {
                    return Err(Status::NotFound);
                }
            }
        }
        Ok(())
    })
}

pub(super) fn set(guest: &mut Guest<'_>, map: u32, name: Slice, value: Slice, joining: Joining) -> Answer {
    let map = MapType::try_from(map)?;
    let (memory, state) = split(guest)?;
    let (name, value) = (name.read(memory)?, value.read(memory)?);
    let count = state.message_mut(map)?.headers().len() + 1;
    grow(state, (map, count), name.len() + value.len())?;
    state.message_mut(map)?.set(name, value, joining)?;
    Ok(())
}

pub(super) fn remove(guest: &mut Guest<'_>, map: u32, name: Slice) -> Answer {
    let map = MapType::try_from(map)?;
    let (memory, state) = split(guest)?;
    let name = name.read(memory)?;
    state.message_mut(map)?.remove(name)?;
    if name.eq_ignore_ascii_case(LENGTH) {
        note_resized(state, map);
    }
    Ok(())
}

/// The node writes the length itself, and from now on does not promise the one it knows.
fn note_resized(state: &mut State, map: MapType) {
    let direction = match map {
        MapType::RequestHeaders => Direction::Request,
        MapType::ResponseHeaders => Direction::Response,
        MapType::RequestTrailers
        | MapType::ResponseTrailers
        | MapType::CallHeaders
        | MapType::CallTrailers
        | MapType::Absent => return,
    };
    if let Some(notes) = state.notes_mut() {
        notes.resized.set(direction);
    }
}

/// Notes that `map` is about to grow to `count` headers by `bytes`. The exact limits are held when the callback is
/// over; in its midst twice as many headers and that many bytes bound what a guest can pile up.
fn grow(state: &mut State, (map, count): (MapType, usize), bytes: usize) -> Result<(), Fault> {
    let limits = &state.profile.limits;
    state.growth.note(map, bytes);
    if count > limits.header_count_max.saturating_mul(2)
        || state.growth.bytes > limits.header_bytes_max.saturating_mul(2)
    {
        return Err(Fault::Trap(wasmtime::Error::new(HeadersOver)));
    }
    Ok(())
}
