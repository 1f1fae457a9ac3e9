//! Lets requests wait until the plugin's clock comes round, which does with each what it asked for.

use std::cell::RefCell;
use std::time::Duration;

use proxy_wasm::hostcalls::{
    add_map_value, get_map_value, reset_http_request, resume_http_request, send_http_response, set_effective_context,
    set_tick_period,
};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use crate::tell::{show, tell};

const PERIOD: Duration = Duration::from_millis(20);

thread_local! {
    static WAITING: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

pub fn open() {
    set_tick_period(PERIOD).unwrap();
}

/// Turns to each request that waits.
pub fn turn() {
    for id in WAITING.take() {
        show("turned", set_effective_context(id));
        let way = get_map_value(MapType::HttpRequestHeaders, "x-way").unwrap();
        tell("way", way.as_deref().unwrap_or("none"));
        match way.as_deref() {
            Some("reply") => send_http_response(403, vec![("x-turned", "away")], Some(b"no")).unwrap(),
            Some("close") => reset_http_request().unwrap(),
            _ => {
                add_map_value(MapType::HttpRequestHeaders, "x-turned", "round").unwrap();
                resume_http_request().unwrap();
            }
        }
    }
}

pub struct Waiting {
    pub id: u32,
}

impl Context for Waiting {}

impl HttpContext for Waiting {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        WAITING.with_borrow_mut(|waiting| waiting.push(self.id));
        Action::Pause
    }
}
