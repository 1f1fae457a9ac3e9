//! Reads and changes the trailers of both messages.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::tell::{show, tell};

pub struct Trailers;

impl Context for Trailers {}

impl HttpContext for Trailers {
    fn on_http_request_body(&mut self, _size: usize, end: bool) -> Action {
        if end {
            tell("trailer request body ends", end);
        }
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        show("trailer request count", count == self.get_http_request_trailers().len());
        show("trailer request x-sum", self.get_http_request_trailer("x-sum"));
        show("trailer request x-missing", self.get_http_request_trailer("x-missing"));
        self.set_http_request_trailer("x-sum", Some("changed"));
        self.add_http_request_trailer("x-added", "1");
        self.set_http_request_trailer("x-secret", None);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        show("trailer response count", count == self.get_http_response_trailers().len());
        show("trailer response x-sum", self.get_http_response_trailer("x-sum"));
        self.set_http_response_trailer("x-sum", Some("changed"));
        self.add_http_response_trailer("x-added", "1");
        Action::Continue
    }

    fn on_log(&mut self) {
        tell("trailer log", "last");
    }
}
