//! A module's memory: freed blocks are kept by size and given out again, new ones come from the end.
//!
//! 1 KB of code where the standard library's allocator takes 7, and a filter is served by it as well: its blocks are few
//! and small, and with a fresh copy of the memory for each request there is nothing to merge. A block is at most a third
//! larger than what was asked for, and memory is never more than what was in use at once for each size.

#![allow(unsafe_code, reason = "it hands out memory")]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only modules have it for their allocator"))]

use std::alloc::Layout;
use std::ptr::{self, NonNull};

/// Sizes from 16 bytes to 2 GiB: two to each doubling.
const SIZES: usize = 56;
/// Those sizes again, for blocks that are as aligned as they are large.
const CLASSES: usize = 2 * SIZES;
const SMALLEST: usize = 16;

/// Free blocks by size, and the memory that was never given out.
#[derive(Debug)]
pub(crate) struct Heap {
    free: [Option<NonNull<Free>>; CLASSES],
    next: usize,
    end: usize,
}

/// A free block: it holds the way to the next one of its size.
#[derive(Debug)]
struct Free {
    next: Option<NonNull<Self>>,
}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self { free: [None; CLASSES], next: 0, end: 0 }
    }

    /// A block for `layout`; `more` makes at least so many bytes of new memory, and tells where they start and end, when
    /// it is told where the last ended: at 0 before the first.
    pub(crate) fn allocate(
        &mut self,
        layout: Layout,
        more: impl FnOnce(usize, usize) -> Option<(usize, usize)>,
    ) -> Option<NonNull<u8>> {
        let class = class_of(layout)?;
        if let Some(block) = self.free[class] {
            // SAFETY: a block in the list was freed, is at least as large and aligned as a `Free`, and holds one.
            self.free[class] = unsafe { block.as_ref() }.next;
            return Some(block.cast());
        }
        let bytes = bytes_of(class);
        let align = if class < SIZES { SMALLEST / 2 } else { bytes };
        let mut start = self.next.next_multiple_of(align);
        if start.checked_add(bytes).is_none_or(|end| end > self.end) {
            let (first, end) = more(bytes.checked_add(align)?, self.end)?;
            // New memory mostly follows the old, whose rest then is not lost.
            start = if first == self.end { start } else { first.next_multiple_of(align) };
            self.end = end;
        }
        self.next = start + bytes;
        NonNull::new(ptr::with_exposed_provenance_mut(start))
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It was given out for this layout by this heap and is used no more.
    pub(crate) unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        let Some(class) = class_of(layout) else { return };
        let block = block.cast::<Free>();
        // SAFETY: the block is the heap's again, and every class is as large and aligned as a `Free`.
        unsafe { block.write(Free { next: self.free[class] }) };
        self.free[class] = Some(block);
    }
}

/// Blocks are aligned to 8 bytes; what needs more, which is rare, has classes of its own.
fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() <= SMALLEST / 2 {
        return size_of_block(layout.size());
    }
    let bytes = layout.size().max(layout.align()).checked_next_power_of_two()?;
    size_of_block(bytes).map(|size| SIZES + size)
}

fn size_of_block(bytes: usize) -> Option<usize> {
    let bytes = bytes.max(SMALLEST);
    let doublings = usize::BITS - (bytes - 1).leading_zeros();
    let half = bytes <= 1_usize.checked_shl(doublings)? / 4 * 3;
    let size = 2 * (doublings as usize - 4) - usize::from(half);
    (size < SIZES).then_some(size)
}

/// 16, 24, 32, 48, 64 and so on.
fn bytes_of(class: usize) -> usize {
    let size = class % SIZES;
    if size.is_multiple_of(2) { SMALLEST << (size / 2) } else { (SMALLEST / 4 * 3) << size.div_ceil(2) }
}

/// Whether a block given out for `layout` also holds `bytes`, so that it can stay where it is.
pub(crate) fn holds(layout: Layout, bytes: usize) -> bool {
    let grown = Layout::from_size_align(bytes, layout.align());
    grown.is_ok_and(|grown| class_of(grown) == class_of(layout))
}

#[cfg(target_arch = "wasm32")]
mod module {
    //! The heap of this module: the rest of its first memory, then new pages.

    use std::alloc::{GlobalAlloc, Layout};
    use std::cell::RefCell;
    use std::ptr::{self, NonNull};

    use super::{Heap, holds};

    const PAGE: usize = 64 * 1024;

    struct Module(RefCell<Heap>);

    // SAFETY: a module without threads has one.
    unsafe impl Sync for Module {}

    #[global_allocator]
    static MODULE: Module = Module(RefCell::new(Heap::new()));

    // SAFETY: every linker for WebAssembly has it, where its statics end; nothing is read there, only its address.
    unsafe extern "C" {
        static __heap_base: u8;
    }

    /// What the linker left behind the statics comes first: a filter's statics and its oldest blocks are what it writes in
    /// most exchanges, and a proxy that puts pages back after each has one less to put back where they share a page.
    fn more(bytes: usize, last: usize) -> Option<(usize, usize)> {
        let (start, end) = ((&raw const __heap_base).addr(), std::arch::wasm32::memory_size(0) * PAGE);
        if last == 0 && bytes <= end.saturating_sub(start) {
            return Some((start, end));
        }
        let pages = bytes.div_ceil(PAGE);
        let before = std::arch::wasm32::memory_grow(0, pages);
        // The last page would end at what no address of 32 bits reaches.
        let end = before.checked_add(pages)?.checked_mul(PAGE)?;
        Some((before * PAGE, end))
    }

    // SAFETY: blocks are as large and aligned as asked for and given out once until they are freed.
    unsafe impl GlobalAlloc for Module {
        // SAFETY: the promises are those of `GlobalAlloc`, kept by the heap.
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.0.borrow_mut().allocate(layout, more).map_or(ptr::null_mut(), NonNull::as_ptr)
        }

        // SAFETY: the promises are those of `GlobalAlloc`, kept by the heap.
        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            if let Some(block) = NonNull::new(block) {
                // SAFETY: the caller's promise is the heap's.
                unsafe { self.0.borrow_mut().free(block, layout) };
            }
        }

        // SAFETY: the promises are those of `GlobalAlloc`, kept by the heap.
        unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
            if holds(layout, bytes) {
                return block;
            }
            let Ok(grown) = Layout::from_size_align(bytes, layout.align()) else { return ptr::null_mut() };
            // SAFETY: the new block does not overlap the old one, and both hold the smaller size.
            unsafe {
                let moved = self.alloc(grown);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes));
                    self.dealloc(block, layout);
                }
                moved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    use super::{Heap, SIZES, bytes_of, class_of, holds};

    fn layout(bytes: usize, align: usize) -> Layout {
        Layout::from_size_align(bytes, align).expect("a layout")
    }

    /// Memory that comes a page of 4 KiB at a time, in one piece.
    struct Pages {
        memory: Vec<u128>,
        given: usize,
    }

    impl Pages {
        fn new() -> Self {
            Self { memory: vec![0; 64 * 1024], given: 0 }
        }

        fn more(&mut self, bytes: usize, _last: usize) -> Option<(usize, usize)> {
            let start = self.memory.as_mut_ptr().expose_provenance() + self.given;
            let bytes = bytes.next_multiple_of(4096);
            self.given += bytes;
            (self.given <= self.memory.len() * 16).then_some((start, start + bytes))
        }
    }

    #[test]
    fn a_class_holds_what_is_asked_of_it_with_little_to_spare() {
        for bytes in (1..5000).chain([1 << 20, (1 << 20) + 1, 3 << 20]) {
            let class = class_of(layout(bytes, 1)).expect("a class");
            assert!(bytes_of(class) >= bytes, "{bytes}");
            assert!(bytes <= 16 || bytes_of(class) * 2 <= bytes * 3, "{bytes} in {}", bytes_of(class));
            assert!(class == 0 || bytes_of(class - 1) < bytes, "{bytes}");
        }
        assert!((1..SIZES).all(|class| bytes_of(class - 1) < bytes_of(class)));
        assert!(holds(layout(17, 1), 24) && !holds(layout(17, 1), 25) && !holds(layout(17, 1), 16));
    }

    #[test]
    fn blocks_neither_overlap_nor_lose_what_is_in_them() {
        let (mut heap, mut pages) = (Heap::new(), Pages::new());
        let mut held: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
        let mut chance = 7_u32;
        for round in 0..20_000_u32 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if held.len() > 40 {
                let (block, layout, mark) = held.swap_remove((chance >> 8) as usize % held.len());
                // SAFETY: the block was given out for this layout and is used no more.
                unsafe {
                    let bytes = std::slice::from_raw_parts(block.as_ptr(), layout.size());
                    assert!(bytes.iter().all(|byte| *byte == mark), "round {round}");
                    heap.free(block, layout);
                }
            }
            let layout = layout(1 + (chance >> 16) as usize % 900, 1 << (chance >> 28 & 5));
            let block = heap.allocate(layout, |bytes, last| pages.more(bytes, last)).expect("enough memory");
            assert!(block.addr().get().is_multiple_of(layout.align()));
            // SAFETY: the block is as large as its layout.
            unsafe { block.write_bytes(round as u8, layout.size()) };
            held.push((block, layout, round as u8));
        }
        assert!(pages.given < 200_000, "freed blocks are given out again: {}", pages.given);
    }

    #[test]
    fn memory_is_asked_for_by_where_the_last_ended() {
        let (mut heap, mut pages, mut asked) = (Heap::new(), Pages::new(), Vec::new());
        for _ in 0..3 {
            let block = heap.allocate(layout(4000, 8), |bytes, last| {
                asked.push(last);
                pages.more(bytes, last)
            });
            assert!(block.is_some());
        }
        // Two blocks fit into what comes at a time.
        assert_eq!(asked, [0, pages.memory.as_ptr().addr() + 8192]);
    }

    #[test]
    fn no_more_memory_is_no_block() {
        assert_eq!(Heap::new().allocate(layout(16, 1), |_, _| None), None);
    }
}
