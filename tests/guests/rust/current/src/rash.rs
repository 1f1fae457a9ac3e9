//! Panics where a request asks for it, in the phase that it names, and greets every other.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

pub struct Rash;

impl Context for Rash {}

impl HttpContext for Rash {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.panic_in("request");
        self.add_http_request_header("x-guest", "rash");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.panic_in("response");
        self.add_http_response_header("x-guest", "rash");
        Action::Continue
    }
}

impl Rash {
    fn panic_in(&self, phase: &str) {
        let asked = self.get_property(vec!["request", "headers", "x-panic"]);
        assert!(asked.as_deref() != Some(phase.as_bytes()), "asked to panic in {phase}");
    }
}
