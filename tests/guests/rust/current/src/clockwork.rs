//! Counts three ticks of the plugin's clock into shared data, then asks an upstream; requests are told of it.

use std::time::Duration;

use proxy_wasm::hostcalls::{dispatch_http_call, get_shared_data, set_shared_data, set_tick_period};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Bytes};

use crate::tell::tell;

const PERIOD: Duration = Duration::from_millis(20);
const TICKS: usize = 3;

#[derive(Default)]
pub struct Clockwork {
    ticks: usize,
}

impl Clockwork {
    pub fn wind(&mut self) {
        set_tick_period(PERIOD).unwrap();
    }

    pub fn tick(&mut self) {
        self.ticks += 1;
        tell("tick", self.ticks);
        if self.ticks == TICKS {
            set_tick_period(Duration::ZERO).unwrap();
            let headers = vec![(":method", "GET"), (":path", "/call/tick"), (":authority", "calls.example")];
            dispatch_http_call("site", headers, None, vec![], Duration::from_secs(5)).unwrap();
        }
    }

    pub fn fetched(&mut self, answered: bool, body: Option<Bytes>) {
        let text = String::from_utf8(body.unwrap_or_default()).unwrap();
        set_shared_data("fetched", Some(format!("{} ticks, {text}", self.ticks).as_bytes()), None).unwrap();
        tell("tick fetched", format!("{answered} {text}"));
    }
}

/// Shows a request what the clock has left.
pub struct Dial;

impl Context for Dial {}

impl HttpContext for Dial {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let fetched = get_shared_data("fetched").unwrap().0.unwrap_or_default();
        self.set_http_request_header("x-fetched", Some(&String::from_utf8(fetched).unwrap()));
        Action::Continue
    }
}
