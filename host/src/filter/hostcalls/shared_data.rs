//! Host calls on shared data: values by key, with compare-and-set, for all filters of one virtual machine.

use super::super::abi::Status;
use super::memory::{self, Out, Slice, split};
use super::outcome::{Answer, Guest};

/// Hands a value and its number over; `NotFound` where there is none.
pub(super) fn get(guest: &mut Guest<'_>, key: Slice, out: Out, cas: u32) -> Answer {
    let mut found = 0;
    out.deliver(guest, |memory, state, value| {
        memory::read_u32(memory, cas)?;
        found = state.profile.vm.data.get(key.read(memory)?, state.profile.clock.now(), value)?;
        Ok(())
    })?;
    let (memory, _) = split(guest)?;
    memory::write_u32(memory, cas, found)?;
    Ok(())
}

/// Sets a value. A null pointer for it removes what is there, as the Rust SDK's `None` means it.
pub(super) fn set(guest: &mut Guest<'_>, key: Slice, value: Slice, cas: u32) -> Answer {
    let (memory, state) = split(guest)?;
    let (vm, now) = (&state.profile.vm, state.profile.clock.now());
    let key = key.read(memory)?;
    if value.is_null() {
        return match vm.data.remove(key, cas, now) {
            Ok(()) | Err(Status::NotFound) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        };
    }
    let room = vm.room(state.profile.limits.shared_data_bytes_max);
    Ok(vm.data.set((key, value.read(memory)?), cas, now, room)?)
}
