//! A page on its way through the parser: pieces in, rewritten pieces out.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use lol_html::{AsciiCompatibleEncoding, ElementContentHandlers, HtmlRewriter, MemorySettings, OutputSink, Settings};

use crate::page::Page;
use crate::rule::Rule;

/// A page that is under way.
pub(crate) struct Rewriting {
    /// `None` behind its end, and where it gave up: what follows passes as it is.
    parser: Option<HtmlRewriter<'static, Out>>,
    out: Out,
}

/// What came out of the parser.
#[derive(Clone, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Rewritten(Vec<u8>),
    /// The page needed more memory than it may have: this has its rest unchanged, and what follows is.
    Limited(Vec<u8>),
}

impl Piece {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Rewritten(bytes) | Self::Limited(bytes) => bytes,
        }
    }
}

impl Rewriting {
    pub(crate) fn new(rules: Rc<[Rule]>, page: Page, buffer_bytes_max: usize) -> Self {
        let memory = MemorySettings::new()
            .with_max_allowed_memory_usage(buffer_bytes_max)
            .with_graceful_bail_out_on_memory_limit_exceeded(true);
        let mut settings = Settings::new()
            .with_memory_settings(memory)
            // Markup that a browser may read in two ways is rewritten in one of them rather than cut off.
            .with_strict(false)
            .with_encoding(page.charset.unwrap_or_else(AsciiCompatibleEncoding::utf_8))
            .with_adjust_charset_on_meta_tag(page.charset.is_none());
        for (position, rule) in rules.iter().enumerate() {
            let applied = Rc::clone(&rules);
            let handlers = ElementContentHandlers::default()
                .element(move |element: &mut lol_html::html_content::Element<'_, '_>| applied[position].apply(element));
            settings = settings.append_element_content_handler((Cow::Borrowed(&rule.selector), handlers));
        }
        let out = Out::default();
        Self { parser: Some(HtmlRewriter::new(settings, out.clone())), out }
    }

    /// Takes a piece through the parser, which keeps the start of a tag whose end is still to come.
    pub(crate) fn write(&mut self, bytes: &[u8], end: bool) -> Piece {
        let Some(parser) = &mut self.parser else { return Piece::Rewritten(bytes.to_vec()) };
        let written = match parser.write(bytes) {
            Ok(()) if end => self.parser.take().map_or(Ok(()), HtmlRewriter::end),
            written => written,
        };
        let out = self.out.0.take();
        if written.is_ok() {
            return Piece::Rewritten(out);
        }
        self.parser = None;
        Piece::Limited(out)
    }
}

impl OutputSink for Out {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.0.borrow_mut().extend_from_slice(chunk);
    }
}
