//! The greeter that every language has: headers both ways, a refusal, a line in the log.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

const NAME: &str = "rust";

pub struct Greeter {
    settings: String,
}

impl Greeter {
    pub fn new(settings: &str) -> Self {
        Self { settings: settings.to_owned() }
    }
}

impl Context for Greeter {}

impl HttpContext for Greeter {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        if self.get_http_request_header("x-refuse").is_some() {
            self.send_http_response(403, vec![("x-refused-by", NAME)], Some(b"refused"));
            return Action::Pause;
        }
        let path = self.get_http_request_header(":path").unwrap_or_default();
        self.set_http_request_header("x-guest-path", Some(&path));
        self.add_http_request_header("x-guest", NAME);
        self.set_http_request_header("user-agent", Some(NAME));
        self.set_http_request_header("x-secret", None);
        let _ = proxy_wasm::hostcalls::log(LogLevel::Info, &format!("{NAME} saw {path}"));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.add_http_response_header("x-guest", NAME);
        self.add_http_response_header("x-guest-settings", &self.settings);
        self.set_http_response_header("server", None);
        Action::Continue
    }
}
