//! An image's memory: bytes in a sealed file without a name.
//!
//! Instances map it privately, so that pages which no guest writes exist once for all of them. Pages of zeros are left out:
//! most of a fresh guest's stack is never written.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};
use std::{iter, slice};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

pub(in crate::filter) struct Sealed {
    file: OwnedFd,
    /// The file, to copy from.
    map: NonNull<c_void>,
    len: usize,
}

// SAFETY: the mapping is read-only and its file sealed: nobody can change what any thread reads there.
unsafe impl Send for Sealed {}
// SAFETY: as above.
unsafe impl Sync for Sealed {}

impl Sealed {
    /// A copy of `bytes`, which are not none.
    pub(in crate::filter) fn take(bytes: &[u8]) -> io::Result<Self> {
        let file = memfd_create("filter image", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let file = File::from(file);
        file.set_len(bytes.len() as u64)?;
        fill(&file, bytes)?;
        let file = OwnedFd::from(file);
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
        // SAFETY: a new mapping where the kernel finds room, as long as the file, which cannot shrink any more.
        let map = unsafe { mmap(ptr::null_mut(), bytes.len(), ProtFlags::READ, MapFlags::PRIVATE, &file, 0) }?;
        let map = NonNull::new(map).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { file, map, len: bytes.len() })
    }

    pub(in crate::filter) fn bytes(&self) -> &[u8] {
        // SAFETY: `map` is `len` readable bytes until `self` is dropped, and its file is sealed against writing.
        unsafe { slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }

    /// To map it by.
    pub(super) fn file(&self) -> BorrowedFd<'_> {
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

impl Drop for Sealed {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no slice of it outlives the value.
        let unmapped = unsafe { munmap(self.map.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn sealed_bytes_are_what_was_taken_and_cannot_be_written() {
        let mut bytes = vec![7; 65_536];
        bytes[65_535] = 9;
        let sealed = Sealed::take(&bytes).unwrap();
        assert!(sealed.bytes() == bytes);
        for zeros in [0..65_536, 0..4_096, 4_096..12_288, 61_440..65_536, 100..8_192, 8_000..65_535] {
            let mut sparse = bytes.clone();
            sparse[zeros.clone()].fill(0);
            assert!(Sealed::take(&sparse).unwrap().bytes() == sparse, "{zeros:?}");
        }
        let mut file = File::from(sealed.file().try_clone_to_owned().unwrap());
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
    }
}
