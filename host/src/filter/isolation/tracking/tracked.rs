//! A guest's memory that knows which of its pages have been written since they were an image's.
//!
//! An image is laid over the memory, readable only. The first write to a page, a guest's or a host call's, raises a signal
//! inside the store's activation; there the page is made writable and noted. Noted pages stay writable when they are put
//! back: the same filter writes the same few pages again, and pays for the signals once. Now and then many are forgotten.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mprotect};
use wasmtime::Store;
use wasmtime::unix::StoreExt;

use super::sealed::Sealed;

/// Pages noted one by one; a guest that writes more in one exchange gets all of them at once. A signal costs some 2 us, so
/// that the last of them are no longer cheaper than mapping everything anew.
const NOTED_MAX: usize = 256;

/// Pages that stay writable from exchange to exchange. To copy one costs some 50 ns: beyond this, mapping anew is cheaper.
pub(in crate::filter) const KEPT_MAX: usize = 64;

/// Pages that are copied back for ever without asking whether anybody still writes them: what most filters write.
const FEW: usize = 8;

/// Exchanges after which more than those are forgotten, so that one that wrote much does not burden all that follow. To
/// note a page again costs some 2 us: the few ns that this adds to each are less than one page copied in vain.
pub(in crate::filter) const FORGOTTEN_AFTER: u32 = 1024;

pub(in crate::filter) struct Tracked {
    image: Arc<Sealed>,
    written: Arc<Written>,
    /// Exchanges since pages were noted from the beginning.
    exchanges: u32,
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
        image: Arc<Sealed>,
    ) -> io::Result<Self> {
        let data = memory.data_mut(&mut *store);
        let page_bytes = page_bytes();
        if data.len() != image.bytes().len() || !data.len().is_multiple_of(page_bytes) {
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
        Ok(Self { image, written, exchanges: 0 })
    }

    /// Whether pages can no longer be told apart, so that the memory cannot be lent to another exchange under way.
    pub(in crate::filter) fn overrun(&self) -> bool {
        self.written.all.load(Ordering::Relaxed)
    }

    /// Pages written since they were the image's, or kept writable since another exchange wrote them; `None` after an
    /// overrun.
    pub(in crate::filter) fn pages(&self) -> Option<usize> {
        (!self.overrun()).then(|| self.written.count.load(Ordering::Relaxed))
    }

    /// Makes `memory`, the one this was made of, the image again. An error where it has grown.
    pub(in crate::filter) fn restore(&mut self, memory: &mut [u8]) -> io::Result<()> {
        if memory.len() != self.written.len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.exchanges += 1;
        let kept_max = if self.exchanges < FORGOTTEN_AFTER { KEPT_MAX } else { FEW };
        if self.overrun() || self.written.count.load(Ordering::Relaxed) > kept_max {
            return self.renew(memory);
        }
        if self.exchanges == FORGOTTEN_AFTER {
            self.exchanges = 0;
        }
        let image = self.image.bytes();
        for page in self.written.noted() {
            let range = self.written.range(page);
            memory[range.clone()].copy_from_slice(&image[range]);
        }
        Ok(())
    }

    /// Whether `memory` has anything that the image has not; not to be asked after an overrun.
    pub(in crate::filter) fn differs(&self, memory: &[u8]) -> bool {
        let image = self.image.bytes();
        self.written.noted().map(|page| self.written.range(page)).any(|range| memory[range.clone()] != image[range])
    }

    /// What `memory` has that the image has not; not to be asked after an overrun.
    pub(in crate::filter) fn difference(&self, memory: &[u8]) -> Difference {
        let image = self.image.bytes();
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
        self.exchanges = 0;
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
    ///
    /// Where the process may have no more mappings, all pages are opened, which makes many mappings one and so needs none.
    /// Where that fails too, as by a limit on data, a guest traps; a host call would end the process, as an allocation that
    /// fails does.
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
