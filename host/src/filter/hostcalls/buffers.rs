//! Host calls on buffers, of which this version has the configurations.

use super::super::abi::{BufferType, Status};
use super::super::state::State;
use super::memory::{self, Out, split};
use super::outcome::{Answer, Guest};

/// The buffer, where it is there. The virtual machine has no configuration of its own here: it is there and empty.
fn contents(state: &State, buffer: BufferType) -> Result<&[u8], Status> {
    match buffer {
        BufferType::VmConfiguration => Ok(&[]),
        BufferType::PluginConfiguration => Ok(&state.profile.settings),
        BufferType::Absent => Err(Status::NotFound),
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

/// No buffer of this version can be written.
pub(super) fn set(buffer: u32) -> Answer {
    match BufferType::try_from(buffer)? {
        BufferType::VmConfiguration | BufferType::PluginConfiguration => Err(Status::BadArgument.into()),
        BufferType::Absent => Err(Status::NotFound.into()),
    }
}

/// 0.1.0's way to the plugin's configuration.
pub(super) fn configuration(guest: &mut Guest<'_>, out: Out) -> Answer {
    out.deliver(guest, |_, state, value| {
        value.extend_from_slice(&state.profile.settings);
        Ok(())
    })
}
