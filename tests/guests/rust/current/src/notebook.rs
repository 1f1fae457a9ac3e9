//! Writes down every callback of an exchange, in the log: their order and arguments are the lines.

use proxy_wasm::hostcalls::log;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

pub struct Notebook {
    id: u32,
}

impl Notebook {
    /// `started` is whether the plugin was told of its virtual machine's start before.
    pub fn new(id: u32, started: bool) -> Self {
        note(&format!("created, machine started: {started}"));
        Self { id }
    }
}

impl Context for Notebook {
    fn on_done(&mut self) -> bool {
        note("done");
        true
    }
}

impl HttpContext for Notebook {
    fn on_http_request_headers(&mut self, count: usize, end: bool) -> Action {
        let listed = self.get_http_request_headers().len();
        let path = self.get_http_request_header(":path").unwrap_or_default();
        note(&format!("request headers: {path}, all counted: {}, end: {end}", count == listed));
        self.add_http_request_header("x-context", if self.id > 1 { "stream" } else { "root" });
        Action::Continue
    }

    fn on_http_response_headers(&mut self, count: usize, _end: bool) -> Action {
        let listed = self.get_http_response_headers().len();
        let status = self.get_http_response_header(":status").unwrap_or_default();
        note(&format!("response headers: {status}, all counted: {}", count == listed));
        Action::Continue
    }

    fn on_log(&mut self) {
        note("log");
    }
}

impl Drop for Notebook {
    fn drop(&mut self) {
        note("deleted");
    }
}

fn note(text: &str) {
    let _ = log(LogLevel::Info, &format!("note: {text}"));
}
