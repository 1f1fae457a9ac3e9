//! Logs what each property holds in each phase, as far as it is the same in every run, and sets one of its own.

use proxy_wasm::hostcalls::{log, set_property};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

/// Values that are the same wherever the exchange runs.
const TEXTS: [&str; 13] = [
    "plugin_name",
    "request.path",
    "request.url_path",
    "request.host",
    "request.scheme",
    "request.method",
    "request.protocol",
    "request.query",
    "request.referer",
    "request.useragent",
    "request.headers.x-twice",
    "response.headers.content-type",
    "guest.own",
];
/// Eight bytes, least first.
const NUMBERS: [&str; 3] = ["request.size", "response.code", "response.size"];
/// Values of which only the length can be the same.
const LENGTHS: [&str; 6] =
    ["connection_id", "connection.mtls", "source.port", "destination.port", "request.time", "request.duration"];

pub struct Reader;

impl Context for Reader {}

impl HttpContext for Reader {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.read("request");
        let set = set_property(vec!["guest", "own"], Some(b"kept"));
        let _ = log(LogLevel::Info, &format!("property set: {}", set.is_ok()));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.read("response");
        Action::Continue
    }

    fn on_log(&mut self) {
        self.read("log");
    }
}

impl Reader {
    fn read(&self, phase: &str) {
        for path in TEXTS {
            tell(phase, path, self.property(path).map(|value| String::from_utf8_lossy(&value).into_owned()));
        }
        for path in NUMBERS {
            let number = self.property(path).map(|value| match <[u8; 8]>::try_from(value) {
                Ok(bytes) => u64::from_le_bytes(bytes).to_string(),
                Err(value) => format!("{value:?}"),
            });
            tell(phase, path, number);
        }
        for path in LENGTHS {
            tell(phase, path, self.property(path).map(|value| format!("{} bytes", value.len())));
        }
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        // A header's name may hold a dot, no other segment does.
        self.get_property(path.splitn(3, '.').collect())
    }
}

fn tell(phase: &str, path: &str, value: Option<String>) {
    let value = value.map_or("none".to_owned(), |value| format!("[{value}]"));
    let _ = log(LogLevel::Info, &format!("property {phase} {path}: {value}"));
}
