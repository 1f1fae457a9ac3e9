//! Host calls on shared queues.

use super::super::abi::Status;
use super::memory::{self, Out, Slice, split};
use super::outcome::{Answer, Guest};

pub(super) fn register(guest: &mut Guest<'_>, name: Slice, out: u32) -> Answer {
    let (memory, state) = split(guest)?;
    memory::read_u32(memory, out)?;
    let profile = &state.profile;
    let number = profile.commons.queues.register(&profile.vm, name.read(memory)?, &profile.name, &profile.limits)?;
    memory::write_u32(memory, out, number)?;
    Ok(())
}

pub(super) fn resolve(guest: &mut Guest<'_>, vm: Slice, name: Slice, out: u32) -> Answer {
    let (memory, state) = split(guest)?;
    let vm = str::from_utf8(vm.read(memory)?).map_err(|_| Status::NotFound)?;
    let number = state.profile.commons.queues.resolve(vm, name.read(memory)?)?;
    memory::write_u32(memory, out, number)?;
    Ok(())
}

pub(super) fn enqueue(guest: &mut Guest<'_>, number: u32, message: Slice) -> Answer {
    let (memory, state) = split(guest)?;
    Ok(state.profile.commons.queues.enqueue(number, message.read(memory)?, &state.profile.limits)?)
}

pub(super) fn dequeue(guest: &mut Guest<'_>, number: u32, out: Out) -> Answer {
    out.deliver(guest, |_, state, value| {
        value.extend_from_slice(&state.profile.commons.queues.dequeue(number)?);
        Ok(())
    })
}
