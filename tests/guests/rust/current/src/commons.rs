//! Uses what filters share: data with its numbers for compare and swap, and a queue.

use proxy_wasm::hostcalls::{dequeue_shared_queue, register_shared_queue, resolve_shared_queue};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Bytes};

use crate::tell::{show, tell};

/// Read by the plugin, when it is told of letters.
const LETTERS: &str = "letters";
/// Read by requests: what they put into it they take out.
const DRAWER: &str = "drawer";

pub fn prepare() {
    for name in [LETTERS, DRAWER] {
        show("queue registered", register_shared_queue(name).is_ok());
    }
}

/// Somebody has put something into a queue: reads all letters.
pub fn ready(queue: u32, vm: &str) {
    if resolve_shared_queue(vm, LETTERS) != Ok(Some(queue)) {
        return;
    }
    while let Ok(Some(letter)) = dequeue_shared_queue(queue) {
        tell("letter read", text(Some(letter)));
    }
}

pub struct Visitor;

impl Context for Visitor {}

impl HttpContext for Visitor {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.data();
        self.queue();
        Action::Continue
    }
}

impl Visitor {
    fn data(&self) {
        let key = self.get_http_request_header("x-key").unwrap_or_default();
        let (value, number) = self.get_shared_data(&key);
        show("shared before", (text(value), number.is_some()));
        show("shared set", self.set_shared_data(&key, Some(b"one"), None));
        let (value, number) = self.get_shared_data(&key);
        tell("shared after", text(value));
        show("shared swapped", self.set_shared_data(&key, Some(b"two"), number));
        show("shared swapped again", self.set_shared_data(&key, Some(b"three"), number));
        tell("shared at last", text(self.get_shared_data(&key).0));
    }

    fn queue(&self) {
        let vm = self.get_property(vec!["plugin_vm_id"]).unwrap_or_default();
        let queue = |name| self.resolve_shared_queue(std::str::from_utf8(&vm).unwrap(), name);
        show("queue missing", self.resolve_shared_queue("no-such-vm", "no-such-queue"));
        show("queue wrong", self.enqueue_shared_queue(4_000_000_000, Some(b"lost")));
        let (letters, drawer) = (queue(LETTERS).unwrap(), queue(DRAWER).unwrap());
        for letter in ["first", "second"] {
            show("queue put", self.enqueue_shared_queue(letters, Some(letter.as_bytes())));
            show("queue put", self.enqueue_shared_queue(drawer, Some(letter.as_bytes())));
        }
        show("queue taken", text(self.dequeue_shared_queue(drawer).unwrap_or_default()));
        show("queue taken last", text(self.dequeue_shared_queue(drawer).unwrap_or_default()));
        show("queue empty", self.dequeue_shared_queue(drawer));
    }
}

fn text(bytes: Option<Bytes>) -> String {
    bytes.map_or("none".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}
