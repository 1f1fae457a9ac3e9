//! Host calls on buffers: the configurations, and the piece of a body that a callback is about.

use super::super::abi::{BufferType, Status};
use super::super::state::{Moment, State};
use super::memory::{self, Out, Slice, split};
use super::outcome::{Answer, Guest};

/// The buffer, where it is there.
fn contents(state: &State, buffer: BufferType) -> Result<&[u8], Status> {
    match buffer {
        BufferType::VmConfiguration => Ok(&state.profile.vm_settings),
        BufferType::PluginConfiguration => Ok(&state.profile.settings),
        BufferType::CallBody => match &state.call {
            Some(Ok(answer)) => Ok(&answer.body),
            _ => Err(Status::NotFound),
        },
        body if body == state.piece.buffer && body != BufferType::Absent && state.sight() != Moment::Root => {
            Ok(&state.piece.bytes)
        }
        _ => Err(Status::NotFound),
    }
}

/// Up to `max` bytes from `start`; nothing beyond the end.
pub(super) fn bytes(guest: &mut Guest<'_>, buffer: u32, start: u32, max: u32, out: Out) -> Answer {
    let buffer = BufferType::try_from(buffer)?;
    out.deliver(guest, |_, state, value| {
        let contents = contents(state, buffer)?;
        let end = start.checked_add(max).ok_or(Status::BadArgument)? as usize;
        if let Some(piece) = contents.get(start as usize..end.min(contents.len())) {
            value.extend_from_slice(piece);
        }
        Ok(())
    })
}

pub(super) fn status(guest: &mut Guest<'_>, buffer: u32, len: u32, flags: u32) -> Answer {
    let buffer = BufferType::try_from(buffer)?;
    let (memory, state) = split(guest)?;
    let bytes = u32::try_from(contents(state, buffer)?.len()).unwrap_or(u32::MAX);
    memory::write_u32(memory, len, bytes)?;
    memory::write_u32(memory, flags, 0)?;
    Ok(())
}

/// Writes into the piece of a body at hand; configurations are not to be written.
pub(super) fn set(guest: &mut Guest<'_>, buffer: u32, place: (u32, u32), data: Slice) -> Answer {
    let buffer = BufferType::try_from(buffer)?;
    let (memory, state) = split(guest)?;
    if matches!(buffer, BufferType::VmConfiguration | BufferType::PluginConfiguration | BufferType::CallBody) {
        return Err(Status::BadArgument.into());
    }
    contents(state, buffer)?;
    let bytes_max = state.profile.limits.body_buffer_max;
    state.piece.write(place, data.read(memory)?, bytes_max)?;
    Ok(())
}

/// 0.1.0's way to the plugin's configuration.
pub(super) fn configuration(guest: &mut Guest<'_>, out: Out) -> Answer {
    out.deliver(guest, |_, state, value| {
        value.extend_from_slice(&state.profile.settings);
        Ok(())
    })
}
