//! The guest's memory as host calls use it: checked slices in, allocated values out.
//!
//! Guests choose every pointer and every length. One that leaves the memory is `InvalidMemoryAccess`, and nothing has
//! been read or written then.

use std::mem;

use wasmtime::Extern;

use super::super::abi::Status;
use super::super::state::{Gate, State};
use super::outcome::{Answer, Fault, Guest};

/// Scratch capacity kept between calls; a larger value was one of a kind.
const SCRATCH_KEPT: usize = 64 * 1024;

/// A piece of guest memory that holds an argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    at: u32,
    len: u32,
}

impl Slice {
    pub(super) fn new(at: u32, len: u32) -> Self {
        Self { at, len }
    }

    /// A pointer to nothing, by which some calls mean that there is no value.
    pub(super) fn is_null(self) -> bool {
        self.at == 0 && self.len == 0
    }

    /// Where it begins and how long it is.
    pub(super) fn bounds(self) -> (u32, u32) {
        (self.at, self.len)
    }

    pub(super) fn read(self, memory: &[u8]) -> Result<&[u8], Status> {
        let start = self.at as usize;
        let end = start.checked_add(self.len as usize).ok_or(Status::InvalidMemoryAccess)?;
        memory.get(start..end).ok_or(Status::InvalidMemoryAccess)
    }

    fn write(self, memory: &mut [u8]) -> Result<&mut [u8], Status> {
        let start = self.at as usize;
        let end = start.checked_add(self.len as usize).ok_or(Status::InvalidMemoryAccess)?;
        memory.get_mut(start..end).ok_or(Status::InvalidMemoryAccess)
    }
}

/// Writes `value` to guest memory at `at`.
pub(super) fn write(memory: &mut [u8], at: u32, value: &[u8]) -> Result<(), Status> {
    let len = u32::try_from(value.len()).map_err(|_| Status::InvalidMemoryAccess)?;
    Slice::new(at, len).write(memory)?.copy_from_slice(value);
    Ok(())
}

pub(super) fn write_u32(memory: &mut [u8], at: u32, value: u32) -> Result<(), Status> {
    write(memory, at, &value.to_le_bytes())
}

/// Reads a little-endian number at `at`.
pub(super) fn read_u32(memory: &[u8], at: u32) -> Result<u32, Status> {
    let bytes = Slice::new(at, 4).read(memory)?;
    Ok(u32::from_le_bytes(bytes.try_into().expect("the slice has four bytes")))
}

/// The guest's memory and the host's state of it, side by side.
pub(super) fn split<'a>(guest: &'a mut Guest<'_>) -> Result<(&'a mut [u8], &'a mut State), Status> {
    let memory = match guest.data().memory {
        Some(memory) => memory,
        // A module's start section runs before the host can have looked.
        None => {
            let found = guest.get_export("memory").and_then(Extern::into_memory);
            *guest.data_mut().memory.insert(found.ok_or(Status::InvalidMemoryAccess)?)
        }
    };
    Ok(memory.data_and_store_mut(guest))
}

/// Where a guest wants a value: the places of a pointer to it and of its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    data: u32,
    len: u32,
}

impl Out {
    pub(super) fn new(data: u32, len: u32) -> Self {
        Self { data, len }
    }

    /// Hands over what `fill` puts together from the guest's memory and the state.
    pub(super) fn deliver(
        self,
        guest: &mut Guest<'_>,
        fill: impl FnOnce(&[u8], &mut State, &mut Vec<u8>) -> Result<(), Status>,
    ) -> Answer {
        let (memory, state) = split(guest)?;
        let mut value = mem::take(&mut state.scratch);
        value.clear();
        let filled = fill(memory, state, &mut value).map_err(Fault::from);
        let outcome = filled.and_then(|()| self.hand_over(guest, &value));
        if value.capacity() <= SCRATCH_KEPT {
            guest.data_mut().scratch = value;
        }
        outcome
    }

    /// The same for a guest that may not want it: a null pointer for a place leaves that place alone.
    pub(super) fn deliver_if_wanted(
        self,
        guest: &mut Guest<'_>,
        fill: impl FnOnce(&[u8], &mut State, &mut Vec<u8>) -> Result<(), Status>,
    ) -> Answer {
        if self.data != 0 && self.len != 0 {
            return self.deliver(guest, fill);
        }
        let (memory, state) = split(guest)?;
        let mut value = Vec::new();
        fill(memory, state, &mut value)?;
        if self.len != 0 {
            write_u32(memory, self.len, u32::try_from(value.len()).map_err(|_| Status::InvalidMemoryAccess)?)?;
        }
        Ok(())
    }

    /// Allocates room in the guest, and writes there. An empty value is a null pointer, as from the reference host.
    fn hand_over(self, guest: &mut Guest<'_>, value: &[u8]) -> Answer {
        let len = u32::try_from(value.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        // Both places are checked before the guest is asked for room: a refused call costs it nothing.
        let (memory, _) = split(guest)?;
        read_u32(memory, self.data)?;
        read_u32(memory, self.len)?;
        let at = if value.is_empty() { 0 } else { allocate(guest, len)? };
        let (memory, _) = split(guest)?;
        write(memory, at, value)?;
        write_u32(memory, self.data, at)?;
        write_u32(memory, self.len, len)?;
        Ok(())
    }
}

/// Room for `len` bytes from the guest's own allocator. The guest owns it; it runs on the deadline of its callback.
fn allocate(guest: &mut Guest<'_>, len: u32) -> Result<u32, Fault> {
    let state = guest.data_mut();
    // Taken for the time of the call: a clone would count references of its type, which costs more than the call.
    let malloc = state.malloc.take().ok_or(Status::InvalidMemoryAccess)?;
    let gate = mem::replace(&mut state.gate, Gate::Narrow);
    let at = malloc.call(&mut *guest, len);
    let state = guest.data_mut();
    state.malloc = Some(malloc);
    state.gate = gate;
    match at? {
        0 => Err(Status::InvalidMemoryAccess.into()),
        at => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_end_where_the_memory_does() {
        let mut memory = [1, 2, 3, 4];
        assert_eq!(Slice::new(1, 3).read(&memory), Ok(&[2, 3, 4][..]));
        assert_eq!(Slice::new(4, 0).read(&memory), Ok(&[][..]));
        for (at, len) in [(1, 4), (5, 0), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            assert_eq!(Slice::new(at, len).read(&memory), Err(Status::InvalidMemoryAccess), "{at} {len}");
        }
        assert_eq!(write(&mut memory, 3, &[9, 9]), Err(Status::InvalidMemoryAccess));
        assert_eq!(memory, [1, 2, 3, 4]);
        assert_eq!(write_u32(&mut memory, 0, 0x0403_0201), Ok(()));
        assert_eq!(read_u32(&memory, 0), Ok(0x0403_0201));
        assert_eq!(read_u32(&memory, 1), Err(Status::InvalidMemoryAccess));
    }
}
