//! Pages that the kernel does not make writable: an exchange goes on with all of them, or ends, and never on wrong bytes.

use std::any::Any;
use std::ptr;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use super::super::{Chain, EndOfStream, FailureKind, Run, Verdict};
use super::guest::{Guest, OUT};
use super::node::{Node, request, response, statuses, stream};
use crate::semantics::RequestHead;

const PAGE: usize = 4096;
/// More than a process may have: 65,530 where nobody asked for another number.
const MAPPINGS_MAX: usize = 1 << 20;
const GUEST_BYTES: u64 = 16 << 20;

/// Mappings that leave no room for more.
struct Crowd {
    base: *mut std::ffi::c_void,
}

impl Crowd {
    /// Makes every second page another mapping until there may be no more. Where so many may be, nothing is proved.
    fn gather() -> Self {
        let bytes = 2 * MAPPINGS_MAX * PAGE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping where the kernel finds room; nothing that exists is touched.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::empty(), flags) }.unwrap();
        for number in 0..MAPPINGS_MAX {
            // SAFETY: a page of the mapping made above, which nobody else knows.
            let split = unsafe { mprotect(base.byte_add(2 * number * PAGE), PAGE, MprotectFlags::READ) };
            if split.is_err() {
                return Self { base };
            }
        }
        Self { base }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own.
        unsafe { munmap(self.base, 2 * MAPPINGS_MAX * PAGE) }.unwrap();
    }
}

/// The limit on data of this process, until it is dropped.
struct Limit(libc::rlimit);

impl Limit {
    /// Lets the process have so many bytes more.
    fn leave(bytes: u64) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let used = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
        let used: u64 = used.trim().trim_end_matches(" kB").parse().unwrap();
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes one limit to where it is told to.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut before) }, 0);
        let limit = libc::rlimit { rlim_cur: used * 1024 + bytes, ..before };
        // SAFETY: reads one limit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) }, 0);
        Self(before)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // SAFETY: reads one limit, which was this process's before.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const self.0) }, 0);
    }
}

/// Writes to pages that nobody has written before, where it is asked to, and tells what they had.
fn spreader() -> Node {
    let mut guest = Guest::new();
    let asked = guest.text("x-spread");
    let write = format!(
        "(drop (call $value (i32.const 0) {asked} {OUT}))
         (if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 49)) (then
           (call $tell (i32.load (i32.const 8000000))) (i32.store (i32.const 8000000) (i32.const 7))
           (call $tell (i32.load (i32.const 9000000))) (i32.store (i32.const 9000000) (i32.const 8))))"
    );
    let tell = "(call $tell (i32.load (i32.const 8000000))) (call $tell (i32.load (i32.const 9000000)))";
    let mut node = Node::new();
    node.limits.memory_bytes_max = GUEST_BYTES;
    let configure = format!("(drop (memory.grow (i32.const {})))", GUEST_BYTES / 65_536 - 1);
    node.add("probe", &guest.on_configure(&configure).on_request(&write).on_response(tell).build());
    node
}

/// An exchange that is asked to spread, in an instance that is there.
fn spread(chain: &Chain, hindrance: impl FnOnce() -> Box<dyn Any>) -> (Run, RequestHead, Verdict) {
    let begin = |spread: &'static str| {
        let mut head = request();
        head.headers.insert("x-spread", spread.parse().unwrap());
        (chain.begin(stream()), head)
    };
    // What the host writes for the guest stays writable.
    let (mut run, mut head) = begin("0");
    run.ask(&mut head, EndOfStream::Yes);
    drop(run);
    let (mut run, mut head) = begin("1");
    let hindrance = hindrance();
    let verdict = run.ask(&mut head, EndOfStream::Yes);
    drop(hindrance);
    (run, head, verdict)
}

#[test]
fn exchange_goes_on_where_mappings_run_out() {
    let node = spreader();
    let chain = node.chain();
    for crowded in [true, false, false] {
        let (mut run, mut head, _) = spread(&chain, || if crowded { Box::new(Crowd::gather()) } else { Box::new(()) });
        assert_eq!(statuses(&head.headers), [0, 0]);
        let mut parts = response();
        run.tell(&mut head, &mut parts, EndOfStream::No);
        assert_eq!(statuses(&parts.headers), [7, 8]);
        drop(run);
        assert!(chain.pristine());
    }
    let made = |cause| node.metric(&format!("forebay_filter_instances_total{{cause=\"{cause}\",filter=\"probe\"}}"));
    assert_eq!((made("first"), made("failed")), (Some("1".into()), Some("0".into())));
}

#[test]
fn write_that_cannot_be_let_through_ends_its_exchange_alone() {
    let node = spreader();
    let chain = node.chain();
    let (run, _, verdict) = spread(&chain, || Box::new((Crowd::gather(), Limit::leave(GUEST_BYTES / 2))));
    let Verdict::Fail(failure) = verdict else { panic!("{verdict:?}") };
    assert_eq!(failure.kind, FailureKind::Trap);
    drop(run);
    let (run, head, _) = spread(&chain, || Box::new(()));
    assert_eq!(statuses(&head.headers), [0, 0]);
    drop(run);
    assert!(chain.pristine());
}
