//! A guest's memory that knows which of its pages have been written since they were an image's.
//!
//! An image is laid over the memory, readable only. The first write to a page, a guest's or a host call's, raises a signal
//! inside the store's activation; there the page is made writable and noted. Noted pages stay writable when they are put
//! back: the same filter writes the same few pages again, and pays for the signals once.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mprotect};
use wasmtime::Store;
use wasmtime::unix::StoreExt;

use super::image::Image;

/// Pages noted one by one; a guest that writes more in one exchange gets all of them at once. A signal costs some 2 us, so
/// that the last of them are no longer cheaper than mapping everything anew.
const NOTED_MAX: usize = 256;

/// Pages that stay writable from exchange to exchange. To copy one costs some 50 ns: beyond this, mapping anew is cheaper.
pub(in crate::filter) const KEPT_MAX: usize = 64;

pub(in crate::filter) struct Tracked {
    image: Arc<Image>,
    written: Arc<Written>,
}

/// The pages written. Shared with the signal handler, which runs on the thread that is in the guest: the atomics need no
/// order among themselves.
struct Written {
    base: usize,
    len: usize,
    page_bytes: usize,
    pages: [AtomicU32; NOTED_MAX],
    count: AtomicUsize,
    /// More than can be noted: every page is writable.
    all: AtomicBool,
}

/// Pages that differ from an image.
#[derive(Debug, Default)]
pub(in crate::filter) struct Difference {
    pages: Vec<u32>,
    bytes: Vec<u8>,
}

impl Tracked {
    /// Lays `image` over `memory`, which is the whole memory of `store` and as long as the image.
    pub(in crate::filter) fn new<T: 'static>(
        store: &mut Store<T>,
        memory: wasmtime::Memory,
        image: Arc<Image>,
    ) -> io::Result<Self> {
        let data = memory.data_mut(&mut *store);
        let page_bytes = page_bytes();
        if data.len() != image.memory().len() || !data.len().is_multiple_of(page_bytes) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: exactly the pages of `data`, borrowed for writing, get another content, as a write would give them. That
        // they are not writable any more is known to those who write: compiled code and host calls, inside an activation
        // of the store, whose handler is set below, and `restore` and `apply`, which write to noted pages alone.
        unsafe { mmap(data.as_mut_ptr().cast(), data.len(), ProtFlags::READ, flags, image.file(), 0) }?;
        let written = Arc::new(Written {
            base: data.as_mut_ptr().expose_provenance(),
            len: data.len(),
            page_bytes,
            pages: [const { AtomicU32::new(0) }; NOTED_MAX],
            count: AtomicUsize::new(0),
            all: AtomicBool::new(false),
        });
        let noted = written.clone();
        // SAFETY: the handler only reads what the signal came with, which the kernel keeps valid for it, makes a system call
        // and stores to atomics: it neither allocates, locks nor panics.
        unsafe {
            store.set_signal_handler(move |signal, info, _| {
                signal == libc::SIGSEGV && (*info).si_code == SEGV_ACCERR && noted.note((*info).si_addr().addr())
            });
        }
        Ok(Self { image, written })
    }

    /// Whether pages can no longer be told apart, so that the memory cannot be lent to another exchange under way.
    pub(in crate::filter) fn overrun(&self) -> bool {
        self.written.all.load(Ordering::Relaxed)
    }

    /// Makes `memory`, the one this was made of, the image again.
    pub(in crate::filter) fn restore(&mut self, memory: &mut [u8]) -> io::Result<()> {
        if self.overrun() || self.written.count.load(Ordering::Relaxed) > KEPT_MAX {
            return self.renew(memory);
        }
        let image = self.image.memory();
        for page in self.written.noted() {
            let range = self.written.range(page);
            memory[range.clone()].copy_from_slice(&image[range]);
        }
        Ok(())
    }

    /// Whether `memory` has anything that the image has not; not to be asked after an overrun.
    pub(in crate::filter) fn differs(&self, memory: &[u8]) -> bool {
        let image = self.image.memory();
        self.written.noted().map(|page| self.written.range(page)).any(|range| memory[range.clone()] != image[range])
    }

    /// What `memory` has that the image has not; not to be asked after an overrun.
    pub(in crate::filter) fn difference(&self, memory: &[u8]) -> Difference {
        let image = self.image.memory();
        let mut difference = Difference::default();
        for page in self.written.noted() {
            let range = self.written.range(page);
            if memory[range.clone()] != image[range.clone()] {
                difference.pages.push(page);
                difference.bytes.extend_from_slice(&memory[range]);
            }
        }
        difference
    }

    /// Brings `difference` to `memory`, which is the image.
    pub(in crate::filter) fn apply(&mut self, memory: &mut [u8], difference: &Difference) -> io::Result<()> {
        for (page, bytes) in difference.pages.iter().zip(difference.bytes.chunks_exact(self.written.page_bytes)) {
            let range = self.written.range(*page);
            let noted = self.overrun() || self.written.noted().any(|noted| noted == *page);
            if !noted && !self.written.note(self.written.base + range.start) {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            memory[range].copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Gives up every page written, and notes from the beginning.
    fn renew(&mut self, memory: &mut [u8]) -> io::Result<()> {
        let start = memory.as_mut_ptr();
        if start.addr() != self.written.base || memory.len() < self.written.len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the pages of the image's private mapping, borrowed for writing here: dropping the copies shows the image
        // again, and from now on writers find them protected as they did at first.
        unsafe {
            madvise(start.cast(), self.written.len, Advice::LinuxDontNeed)?;
            mprotect(start.cast(), self.written.len, MprotectFlags::READ)?;
        }
        self.written.count.store(0, Ordering::Relaxed);
        self.written.all.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl Written {
    fn noted(&self) -> impl Iterator<Item = u32> {
        let count = self.count.load(Ordering::Relaxed).min(NOTED_MAX);
        self.pages[..count].iter().map(|page| page.load(Ordering::Relaxed))
    }

    fn range(&self, page: u32) -> Range<usize> {
        let start = page as usize * self.page_bytes;
        start..start + self.page_bytes
    }

    /// Makes the page at `address` writable and notes it. False for an address that is none of the image's, and where the
    /// write cannot be let through. Runs in the signal handler.
    fn note(&self, address: usize) -> bool {
        let offset = address.wrapping_sub(self.base);
        if offset >= self.len || self.all.load(Ordering::Relaxed) {
            return false;
        }
        let page = offset / self.page_bytes;
        let count = self.count.load(Ordering::Relaxed);
        if let (Some(slot), Ok(number)) = (self.pages.get(count), u32::try_from(page))
            && self.open(page * self.page_bytes, self.page_bytes)
        {
            slot.store(number, Ordering::Relaxed);
            self.count.store(count + 1, Ordering::Relaxed);
            return true;
        }
        let opened = self.open(0, self.len);
        self.all.store(opened, Ordering::Relaxed);
        opened
    }

    fn open(&self, offset: usize, len: usize) -> bool {
        let start = std::ptr::with_exposed_provenance_mut::<u8>(self.base + offset);
        // SAFETY: the pages lie in the mapping of the image, which the store keeps as long as its handler. Writes to them
        // go to private copies.
        unsafe { mprotect(start.cast(), len, MprotectFlags::READ | MprotectFlags::WRITE) }.is_ok()
    }
}

/// A page that is there, but may not be written. The same number on every Linux.
const SEGV_ACCERR: i32 = 2;

fn page_bytes() -> usize {
    // SAFETY: asks for a number.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
