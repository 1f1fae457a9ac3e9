//! Asks for what a host may lack, and says what it was answered. Calls of gRPC are made for a request with `x-grpc` only:
//! the SDK panics at an answer that it does not know.

use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use crate::tell::show;

pub struct Asker;

impl Context for Asker {}

impl HttpContext for Asker {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        show("lacking function", self.call_foreign_function("no-such-function", Some(b"?")));
        show("lacking clock", self.get_current_time() > UNIX_EPOCH);
        show("lacking level", hostcalls::get_log_level());
        show("lacking call map", hostcalls::get_map(MapType::HttpCallResponseHeaders));
        show("lacking trailers", hostcalls::get_map(MapType::HttpRequestTrailers));
        show("lacking response", hostcalls::get_map(MapType::HttpResponseHeaders));
        show("lacking effective", hostcalls::set_effective_context(4_000_000_000));
        if self.get_http_request_header("x-grpc").is_some() {
            let second = Duration::from_secs(1);
            show("lacking stream", self.open_grpc_stream("nowhere", "service", "method", vec![]));
            show("lacking call", self.dispatch_grpc_call("nowhere", "service", "method", vec![], None, second));
        }
        Action::Continue
    }
}
