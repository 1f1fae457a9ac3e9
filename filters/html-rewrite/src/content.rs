//! What is put into a page: text, in which markup is escaped, or HTML, which stands as it is.

use lol_html::html_content::ContentType;
use serde::Deserialize;

/// `{ text = "…" }` or `{ html = "…" }`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    Text(String),
    Html(String),
}

impl Content {
    /// As the parser takes it.
    pub(crate) fn parts(&self) -> (&str, ContentType) {
        match self {
            Self::Text(text) => (text, ContentType::Text),
            Self::Html(html) => (html, ContentType::Html),
        }
    }
}
