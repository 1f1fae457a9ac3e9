//! Where guests' memories live: address space reserved by the host, so that it may put an image over it.
//!
//! wasmtime asks for every memory here. Pages beyond a memory's size stay without access, up to the end of the guard that
//! compiled code relies on; a memory never moves. What a page holds and whether it may be written is `tracked`'s concern.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use wasmtime::{Config, LinearMemory, MemoryCreator, MemoryType};

/// All that a 32-bit memory can address: what is reserved where wasmtime names no size.
const ADDRESS_SPACE: usize = 1 << 32;

/// Lets the sandbox have memories over which the host may lay images, and not the sandbox its own.
pub(in crate::filter) fn prepare(config: &mut Config) {
    config.with_host_memory(Arc::new(Reservations));
    config.memory_init_cow(false);
}

/// Makes memories in address space of their own.
#[derive(Debug)]
struct Reservations;

// SAFETY: the memories are zeroed, have the size asked for, and never move; all of their reservation and guard that is not
// yet accessible is mapped without access, so that compiled code faults there.
unsafe impl MemoryCreator for Reservations {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved = reserved.unwrap_or(ADDRESS_SPACE);
        let mut memory = Reservation::new(reserved, guard).map_err(|error| error.to_string())?;
        memory.grow_to(minimum).map_err(|error| error.to_string())?;
        Ok(Box::new(memory))
    }
}

/// The address space of one memory; given back on drop, with whatever has been mapped there.
struct Reservation {
    base: NonNull<c_void>,
    reserved: usize,
    guard: usize,
    accessible: usize,
}

// SAFETY: it owns its address space as a Box owns its heap, and changes it through `&mut` alone.
unsafe impl Send for Reservation {}
// SAFETY: as above; through `&` only numbers are read.
unsafe impl Sync for Reservation {}

impl Reservation {
    fn new(reserved: usize, guard: usize) -> rustix::io::Result<Self> {
        let bytes = reserved.checked_add(guard).ok_or(rustix::io::Errno::NOMEM)?;
        // SAFETY: a new mapping where the kernel finds room; nothing that exists is touched.
        let base = unsafe {
            mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)
        }?;
        let base = NonNull::new(base).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { base, reserved, guard, accessible: 0 })
    }
}

// SAFETY: `as_ptr` is the same for the memory's life, `byte_size` bytes of it are readable, and the compiled code's own
// writes fault only where `tracked` lets them go on.
unsafe impl LinearMemory for Reservation {
    fn byte_size(&self) -> usize {
        self.accessible
    }

    fn byte_capacity(&self) -> usize {
        self.reserved
    }

    fn grow_to(&mut self, bytes: usize) -> wasmtime::Result<()> {
        if bytes > self.reserved {
            return Err(rustix::io::Errno::NOMEM.into());
        }
        let Some(more) = bytes.checked_sub(self.accessible).filter(|more| *more > 0) else {
            return Ok(());
        };
        // SAFETY: the pages lie inside the reservation, behind those in use: their protection stays what it is.
        unsafe {
            let end = self.base.as_ptr().byte_add(self.accessible);
            mprotect(end, more, MprotectFlags::READ | MprotectFlags::WRITE)?;
        }
        self.accessible = bytes;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr().cast()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and wasmtime drops a memory after all that could reach into it.
        let unmapped = unsafe { munmap(self.base.as_ptr(), self.reserved + self.guard) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 65_536;

    #[test]
    fn memory_is_zeroed_grows_in_place_and_ends_at_its_reservation() {
        let ty = MemoryType::new(1, None);
        let mut memory = Reservations.new_memory(ty, PAGE, None, Some(3 * PAGE), PAGE).unwrap();
        let base = memory.as_ptr();
        // SAFETY: the first page is accessible.
        unsafe {
            assert_eq!(base.read(), 0);
            base.add(PAGE - 1).write(7);
        }
        memory.grow_to(3 * PAGE).unwrap();
        assert_eq!((memory.as_ptr(), memory.byte_size(), memory.byte_capacity()), (base, 3 * PAGE, 3 * PAGE));
        // SAFETY: all three pages are accessible.
        unsafe {
            assert_eq!((base.add(PAGE - 1).read(), base.add(PAGE).read()), (7, 0));
            base.add(3 * PAGE - 1).write(1);
        }
        assert!(memory.grow_to(3 * PAGE + 1).is_err());
        assert!(Reservations.new_memory(MemoryType::new(1, None), PAGE, None, Some(usize::MAX), PAGE).is_err());
    }
}
