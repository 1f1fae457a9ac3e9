//! What a guest is once it has been configured: its memory and its globals, as every exchange is to find them.
//!
//! Taken when a filter is loaded, and after callbacks of its own that changed it. The memory lies in a sealed file without
//! a name, which instances map privately: pages that no guest writes exist once for all of them. Pages of zeros are left
//! out: most of a fresh guest's stack is never written.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};
use std::{iter, slice};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use wasmtime::Val;

pub(in crate::filter) struct Image {
    file: OwnedFd,
    /// The file, to copy from.
    map: NonNull<c_void>,
    len: usize,
    pub(in crate::filter) globals: Box<[Number]>,
}

// SAFETY: the mapping is read-only and its file sealed: nobody can change what any thread reads there.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// An image of `memory`, which is not empty, and `globals`.
    pub(in crate::filter) fn take(memory: &[u8], globals: Box<[Number]>) -> io::Result<Self> {
        let file = memfd_create("filter image", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let file = File::from(file);
        file.set_len(memory.len() as u64)?;
        fill(&file, memory)?;
        let file = OwnedFd::from(file);
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        // SAFETY: a new mapping where the kernel finds room, as long as the file, which cannot shrink any more.
        let map = unsafe { mmap(ptr::null_mut(), memory.len(), ProtFlags::READ, MapFlags::PRIVATE, &file, 0) }?;
        let map = NonNull::new(map).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { file, map, len: memory.len(), globals })
    }

    pub(in crate::filter) fn memory(&self) -> &[u8] {
        // SAFETY: `map` is `len` readable bytes until `self` is dropped, and its file is sealed against writing.
        unsafe { slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }

    /// The file that holds the memory.
    pub(in crate::filter) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What a file can leave out, at the size of the smallest pages there are: what is left out of larger ones is zero as well.
const ZEROS: [u8; 4096] = [0; 4096];

/// Writes `memory` into `file`, but for its zeros.
fn fill(file: &File, memory: &[u8]) -> io::Result<()> {
    let empty = |page: &&[u8]| **page == ZEROS;
    let mut pages = memory.chunks(ZEROS.len()).peekable();
    let mut at = 0;
    while pages.peek().is_some() {
        at += iter::from_fn(|| pages.next_if(empty)).map(<[u8]>::len).sum::<usize>();
        let bytes: usize = iter::from_fn(|| pages.next_if(|page| !empty(page))).map(<[u8]>::len).sum();
        file.write_all_at(&memory[at..at + bytes], at as u64)?;
        at += bytes;
    }
    Ok(())
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no slice of it outlives the value.
        let unmapped = unsafe { munmap(self.map.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

/// The value of a global, bit for bit: a NaN equals itself, and -0 is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Number {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl Number {
    /// `None` for a reference.
    pub(in crate::filter) fn of(value: Val) -> Option<Self> {
        Some(match value {
            Val::I32(value) => Self::I32(value),
            Val::I64(value) => Self::I64(value),
            Val::F32(bits) => Self::F32(bits),
            Val::F64(bits) => Self::F64(bits),
            Val::V128(bits) => Self::V128(bits.as_u128()),
            _ => return None,
        })
    }

    pub(in crate::filter) fn value(self) -> Val {
        match self {
            Self::I32(value) => Val::I32(value),
            Self::I64(value) => Val::I64(value),
            Self::F32(bits) => Val::F32(bits),
            Self::F64(bits) => Val::F64(bits),
            Self::V128(bits) => Val::V128(bits.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn image_keeps_what_it_was_taken_of_and_cannot_be_written() {
        let mut memory = vec![7; 65_536];
        memory[65_535] = 9;
        let image = Image::take(&memory, Box::new([Number::I32(-1)])).unwrap();
        assert!(image.memory() == memory);
        for zeros in [0..65_536, 0..4_096, 4_096..12_288, 61_440..65_536, 100..8_192, 8_000..65_535] {
            let mut sparse = memory.clone();
            sparse[zeros.clone()].fill(0);
            assert!(Image::take(&sparse, Box::new([])).unwrap().memory() == sparse, "{zeros:?}");
        }
        let mut file = File::from(image.file().try_clone_to_owned().unwrap());
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
    }

    #[test]
    fn numbers_keep_their_bits() {
        let values = [
            Val::I32(-1),
            Val::I64(i64::MIN),
            Val::F32(f32::NAN.to_bits() | 1),
            Val::F64((-0.0_f64).to_bits()),
            Val::V128(u128::MAX.into()),
        ];
        for value in values {
            let number = Number::of(value).unwrap();
            assert_eq!(Number::of(number.value()), Some(number));
        }
        assert_eq!(Number::of(Val::FuncRef(None)), None);
    }
}
