//! An image's memory: bytes in a sealed file without a name.
//!
//! Instances map it privately, so that pages which no guest writes exist once for all of them.

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;

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
        let mut file = File::from(file);
        file.write_all(bytes)?;
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

impl Drop for Sealed {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no slice of it outlives the value.
        let unmapped = unsafe { munmap(self.map.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_are_what_was_taken_and_cannot_be_written() {
        let mut bytes = vec![7; 65_536];
        bytes[65_535] = 9;
        let sealed = Sealed::take(&bytes).unwrap();
        assert!(sealed.bytes() == bytes);
        let mut file = File::from(sealed.file().try_clone_to_owned().unwrap());
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
    }
}
