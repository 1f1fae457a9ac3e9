//! Reads, holds, replaces, prepends to and appends to bodies, as the field `x-body` of the request says.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Bytes};

use crate::tell::tell;

#[derive(Default)]
pub struct Editor {
    edit: Edit,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Edit {
    #[default]
    Nothing,
    /// Looks at the whole.
    Hold,
    Replace,
    Prepend,
    Append,
    Empty,
    Reply,
}

impl Edit {
    fn named(name: Option<String>) -> Self {
        match name.as_deref() {
            Some("hold") => Self::Hold,
            Some("replace") => Self::Replace,
            Some("prepend") => Self::Prepend,
            Some("append") => Self::Append,
            Some("empty") => Self::Empty,
            Some("reply") => Self::Reply,
            _ => Self::Nothing,
        }
    }

    fn resizes(self) -> bool {
        !matches!(self, Self::Nothing | Self::Hold | Self::Reply)
    }

    /// Where new bytes go in a whole of `size` bytes, how many of it they replace, and what they are.
    fn change(self, size: usize) -> Option<(usize, usize, &'static [u8])> {
        match self {
            Self::Replace => Some((0, size, b"replaced")),
            Self::Prepend => Some((0, 0, b"before ")),
            Self::Append => Some((size, 0, b" after")),
            Self::Empty => Some((0, size, b"")),
            _ => None,
        }
    }
}

impl Context for Editor {}

impl HttpContext for Editor {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        self.edit = Edit::named(self.get_http_request_header("x-body"));
        tell("body request begins, end", end);
        if self.edit.resizes() && !end {
            self.set_http_request_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.edit == Edit::Nothing {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        tell("body request whole", text(self.get_http_request_body(0, size)));
        tell("body request from 1", text(self.get_http_request_body(1, 2)));
        tell("body request beyond", text(self.get_http_request_body(size + 1, 2)));
        if self.edit == Edit::Reply {
            self.send_http_response(418, vec![("x-guest", "bodies")], Some(b"from a body"));
            return Action::Pause;
        }
        if let Some((start, replaced, bytes)) = self.edit.change(size) {
            self.set_http_request_body(start, replaced, bytes);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        if self.edit.resizes() {
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !end && self.edit != Edit::Nothing {
            return Action::Pause;
        }
        if self.edit != Edit::Nothing {
            tell("body response whole", text(self.get_http_response_body(0, size)));
        }
        if let Some((start, replaced, bytes)) = self.edit.change(size) {
            self.set_http_response_body(start, replaced, bytes);
        }
        Action::Continue
    }
}

fn text(bytes: Option<Bytes>) -> String {
    bytes.map_or("none".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}
