//! Asks for what a host may lack, and says what it was answered. Calls of gRPC are made where the field `x-grpc` names one:
//! the SDK panics at an answer that it does not know.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, GrpcStatusCode, MapType};

use crate::tell::{show, tell};

/// No call has it.
const TOKEN: u32 = 5;

pub struct Asker;

/// Callbacks for what was never asked.
impl Context for Asker {
    fn on_grpc_call_response(&mut self, _token: u32, _status: u32, _size: usize) {
        tell("lacking called", "grpc call response");
    }

    fn on_grpc_stream_initial_metadata(&mut self, _token: u32, _count: u32) {
        tell("lacking called", "grpc initial metadata");
    }

    fn on_grpc_stream_message(&mut self, _token: u32, _size: usize) {
        tell("lacking called", "grpc message");
    }

    fn on_grpc_stream_trailing_metadata(&mut self, _token: u32, _count: u32) {
        tell("lacking called", "grpc trailing metadata");
    }

    fn on_grpc_stream_close(&mut self, _token: u32, _status: u32) {
        tell("lacking called", "grpc close");
    }

    fn on_foreign_function(&mut self, _function: u32, _size: usize) {
        tell("lacking called", "foreign function");
    }
}

impl HttpContext for Asker {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        show("lacking function", self.call_foreign_function("no-such-function", Some(b"?")));
        show("lacking clock", self.get_current_time() > std::time::UNIX_EPOCH);
        show("lacking level", hostcalls::get_log_level());
        show("lacking call map", hostcalls::get_map(MapType::HttpCallResponseHeaders));
        show("lacking trailers", hostcalls::get_map(MapType::HttpRequestTrailers));
        show("lacking response", hostcalls::get_map(MapType::HttpResponseHeaders));
        show("lacking metadata", self.get_grpc_stream_initial_metadata());
        show("lacking last metadata", self.get_grpc_stream_trailing_metadata());
        show("lacking message", hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, 10));
        show("lacking status", self.get_grpc_status());
        show("lacking effective", hostcalls::set_effective_context(4_000_000_000));
        let second = Duration::from_secs(1);
        match self.get_http_request_header("x-grpc").as_deref() {
            Some("stream") => {
                show("lacking stream", self.open_grpc_stream("nowhere", "service", "method", vec![]));
            }
            Some("call") => {
                show("lacking call", self.dispatch_grpc_call("nowhere", "service", "method", vec![], None, second));
            }
            Some("send") => show("lacking send", hostcalls::send_grpc_stream_message(TOKEN, Some(b"?"), true)),
            Some("cancel") => show("lacking cancel", hostcalls::cancel_grpc_call(TOKEN)),
            Some("close") => show("lacking close", hostcalls::close_grpc_stream(TOKEN)),
            Some("reply") => {
                let metadata: Vec<(&str, &[u8])> = vec![("x-guest", b"lacking")];
                self.send_grpc_response(GrpcStatusCode::PermissionDenied, Some("no"), metadata);
                return Action::Pause;
            }
            _ => {}
        }
        Action::Continue
    }
}
