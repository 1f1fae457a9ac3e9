//! The greeter on the SDK's last release for ABI 0.1.0.
//!
//! Header callbacks have no end-of-stream argument there, and a missing header reads as an empty one. Where the field
//! `x-wait` says so, it lets the request or the response wait for a call to an upstream: messages go on by calls that only
//! this version has.

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, LogLevel};

const NAME: &str = "rust-old";

#[no_mangle]
pub extern "C" fn _start() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { settings: String::new() }));
}

struct Root {
    settings: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.settings = String::from_utf8(self.get_configuration().unwrap_or_default()).unwrap();
        true
    }

    fn get_type(&self) -> Option<proxy_wasm::types::ContextType> {
        Some(proxy_wasm::types::ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Greeter { settings: self.settings.clone(), waits: String::new(), answering: false }))
    }
}

struct Greeter {
    settings: String,
    /// The message that waits for a call.
    waits: String,
    /// Whether there is a response already.
    answering: bool,
}

impl Greeter {
    fn pause(&self) -> Action {
        let headers = vec![(":method", "GET"), (":path", "/call/old"), (":authority", "calls.example")];
        self.dispatch_http_call("site", headers, None, vec![], Duration::from_secs(5)).unwrap();
        Action::Pause
    }
}

impl Context for Greeter {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, size: usize, _trailers: usize) {
        let body = self.get_http_call_response_body(0, size).unwrap_or_default();
        let body = String::from_utf8(body).unwrap();
        if self.answering {
            self.set_http_response_header("x-waited", Some(&body));
            self.resume_http_response();
        } else {
            self.set_http_request_header("x-waited", Some(&body));
            self.clear_http_route_cache();
            self.resume_http_request();
        }
    }
}

impl HttpContext for Greeter {
    fn on_http_request_headers(&mut self, _count: usize) -> Action {
        if self.get_http_request_header("x-refuse").is_some_and(|value| !value.is_empty()) {
            self.send_http_response(403, vec![("x-refused-by", NAME)], Some(b"refused"));
            return Action::Pause;
        }
        let path = self.get_http_request_header(":path").unwrap_or_default();
        self.set_http_request_header("x-guest-path", Some(&path));
        self.add_http_request_header("x-guest", NAME);
        self.set_http_request_header("user-agent", Some(NAME));
        self.set_http_request_header("x-secret", None);
        log(&format!("{NAME} saw {path}"));
        self.waits = self.get_http_request_header("x-wait").unwrap_or_default();
        if self.waits == "request" { self.pause() } else { Action::Continue }
    }

    fn on_http_response_headers(&mut self, _count: usize) -> Action {
        self.add_http_response_header("x-guest", NAME);
        self.add_http_response_header("x-guest-settings", &self.settings);
        self.set_http_response_header("server", None);
        self.answering = true;
        if self.waits == "response" { self.pause() } else { Action::Continue }
    }
}

fn log(text: &str) {
    let _ = proxy_wasm::hostcalls::log(LogLevel::Info, text);
}
