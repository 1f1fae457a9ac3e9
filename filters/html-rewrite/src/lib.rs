//! The html-rewrite filter: changes elements of pages by CSS selectors while they pass, without holding them back.
//!
//! | key | default | what it does |
//! |---|---|---|
//! | `rules` | required | what is done to which elements; see [`Rule`] |
//! | `types` | `["text/html"]` | the media types of pages |
//! | `buffer_bytes_max` | 262144 | the most that is kept of one page: tags that come in pieces, and elements that are open |
//! | `on_limit` | `"pass"` | what becomes of a page that needs more: `"pass"` sends its rest as it is, `"break"` ends it |
//!
//! The parser is lol_html's: it sees tags as they come and keeps no tree.

mod content;
mod page;
mod rewriting;
mod rule;

use std::cell::RefCell;
use std::rc::Rc;

use forebay_sdk::metric::Counter;
use forebay_sdk::{Body, Filter, Flow, Request, Response, export, log};
use serde::Deserialize;

use crate::page::{Kind, Page};
use crate::rewriting::{Piece, Rewriting};
pub use crate::rule::Rule;
use crate::rule::Rules;

/// `[filters.NAME.settings]` of this filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    rules: Rules,
    #[serde(default = "pages")]
    types: Vec<String>,
    #[serde(default)]
    buffer_bytes_max: BufferBytes,
    #[serde(default)]
    on_limit: OnLimit,
}

/// What becomes of a page that is too deep or too odd for the buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnLimit {
    #[default]
    Pass,
    Break,
}

fn pages() -> Vec<String> {
    vec!["text/html".to_owned()]
}

/// Enough for any tag but those with a file in an attribute. Less than the least is too little for the parser itself.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct BufferBytes(usize);

const BUFFER_BYTES_MIN: u32 = 4 * 1024;

impl Default for BufferBytes {
    fn default() -> Self {
        Self(256 * 1024)
    }
}

impl TryFrom<u32> for BufferBytes {
    type Error = String;

    fn try_from(bytes: u32) -> Result<Self, String> {
        if bytes < BUFFER_BYTES_MIN {
            return Err(format!("{bytes} bytes are too few for a page: {BUFFER_BYTES_MIN} or more"));
        }
        Ok(Self(bytes as usize))
    }
}

/// The page of an exchange, once it is known to be one.
#[derive(Default)]
struct Place(RefCell<Option<Rewriting>>);

/// The filter.
#[derive(Debug)]
pub struct HtmlRewrite {
    settings: Settings,
    rewritten: Counter,
    limited: Counter,
    /// In the order of [`Kind::ALL`].
    left: Vec<Counter>,
}

impl Filter for HtmlRewrite {
    type Settings = Settings;

    fn new(mut settings: Settings) -> Self {
        settings.types.iter_mut().for_each(|name| name.make_ascii_lowercase());
        let responses = |outcome: &str| Counter::labelled("html_rewrite_responses_total", &[("outcome", outcome)]);
        let left = Kind::ALL.iter().map(|kind| responses(kind.word())).collect();
        let filter = Self { settings, rewritten: responses("rewritten"), limited: responses("limit"), left };
        filter.make_room();
        filter
    }

    fn on_request(&self, request: &mut Request) -> Flow {
        // What an origin codes cannot be read here, and a client must not choose whether its page is rewritten.
        request.headers_mut().set("accept-encoding", "identity");
        request.remember(Place::default());
        Flow::Continue
    }

    fn on_response(&self, response: &mut Response) -> Flow {
        match Page::of(response, &self.settings.types) {
            Ok(page) => {
                self.rewritten.increment();
                page::unpin(response);
                if let Some(Place(place)) = response.recall() {
                    place.replace(Some(self.rewriting(page)));
                }
            }
            Err(None) => {}
            Err(Some(kind)) => {
                if let Some(counter) = self.left.get(kind as usize) {
                    counter.increment();
                }
                if kind == Kind::Part {
                    // Parts count bytes of the page as it is stored. RFC 9110 section 14.2 lets no part be served, so
                    // that the client asks for the whole.
                    return Flow::reply(416).header("accept-ranges", "none").header("cache-control", "no-store");
                }
            }
        }
        Flow::Continue
    }

    fn on_response_body(&self, body: &mut Body) -> Flow {
        let Some(mut rewriting) = body.recall::<Place>().and_then(|place| place.0.take()) else {
            return Flow::Continue;
        };
        let sent = body.chunk();
        let piece = rewriting.write(&sent, body.is_end());
        if let Some(Place(place)) = body.recall() {
            place.replace(Some(rewriting));
        }
        if let Piece::Limited(_) = piece {
            self.limited.increment();
            log::warn("a page needs more than buffer_bytes_max");
            if self.settings.on_limit == OnLimit::Break {
                return Flow::reply(502);
            }
        }
        let bytes = piece.into_bytes();
        if bytes != sent {
            body.replace(&bytes);
            if body.len() != bytes.len() {
                log::error("a piece has grown beyond what the proxy takes; the page is broken off");
                return Flow::reply(502);
            }
        }
        Flow::Continue
    }
}

impl HtmlRewrite {
    fn rewriting(&self, page: Page) -> Rewriting {
        Rewriting::new(Rc::clone(&self.settings.rules.0), page, self.settings.buffer_bytes_max.0)
    }

    /// Rewrites a page once, so that the memory that pages need is there before the first exchange: a filter that is put
    /// back after each exchange need not be made anew for having grown.
    fn make_room(&self) {
        let sample = "<html><body><p class=a>text</p></body></html>".repeat(ROOM_BYTES / 44);
        self.rewriting(Page::default()).write(sample.as_bytes(), true);
    }
}

/// As much of a body as the node shows at once.
const ROOM_BYTES: usize = 16 * 1024;

export!(HtmlRewrite: response_body);

#[cfg(test)]
mod tests;
