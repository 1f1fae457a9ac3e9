//! Headers that stand several times, are missing, or are written as a whole list.

use proxy_wasm::hostcalls::log;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

pub struct Repeated;

impl Context for Repeated {}

impl HttpContext for Repeated {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        tell("first of two", self.get_http_request_header("x-twice"));
        tell("missing", self.get_http_request_header("x-missing"));
        tell("empty", self.get_http_request_header("x-empty"));
        tell("host", self.get_http_request_header("host"));
        tell("in other case", self.get_http_request_header("X-Twice"));
        let headers = self.get_http_request_headers();
        let twice = headers.iter().filter(|(name, _)| name == "x-twice").map(|(_, value)| value.as_str());
        tell("listed", Some(twice.collect::<Vec<_>>().join("|")));
        self.set_http_request_header("x-missing", None);
        self.add_http_request_header("x-added", "1");
        self.add_http_request_header("x-added", "2");
        self.set_http_request_header("x-twice", Some("once"));
        self.set_http_request_header("x-emptied", Some(""));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        let cookies = self.get_http_response_headers();
        let cookies = cookies.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
        tell("cookies", Some(cookies.collect::<Vec<_>>().join("|")));
        let mut headers = self.get_http_response_headers();
        headers.retain(|(name, _)| name != "x-gone");
        headers.push(("set-cookie".to_owned(), "c=3".to_owned()));
        self.set_http_response_headers(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
        Action::Continue
    }

    fn on_log(&mut self) {
        tell("path at the end", self.get_http_request_header(":path"));
        tell("status at the end", self.get_http_response_header(":status"));
    }
}

fn tell(what: &str, value: Option<String>) {
    let _ = log(LogLevel::Info, &format!("header {what}: {value:?}"));
}
