//! Write filters for Forebay, and for every other proxy that speaks proxy-wasm 0.2.1, in Rust.
//!
//! A filter is one type that implements [`Filter`] and one line, [`export!`]. The proxy builds it from its settings
//! once and calls it for every request and response; what it decides is a [`Flow`]. Without WebAssembly the same type
//! runs in [`rehearsal`], so that `cargo test` covers a filter.
//!
//! ```
//! use forebay_sdk::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Settings { tag: String }
//!
//! struct Tag { settings: Settings }
//!
//! impl Filter for Tag {
//!     type Settings = Settings;
//!     fn new(settings: Settings) -> Self { Self { settings } }
//!     fn on_request(&self, request: &mut Request) -> Flow {
//!         if request.path().starts_with("/admin") { return Flow::reply(403).body("no"); }
//!         request.headers_mut().set("x-edge", &self.settings.tag).remove("cookie");
//!         Flow::Continue
//!     }
//! }
//! export!(Tag);
//!
//! # fn main() -> Result<(), String> {
//! use forebay_sdk::rehearsal::{get, rehearse};
//!
//! let tag = rehearse::<Tag>(r#"{ "tag": "edge-1" }"#)?;
//! assert_eq!(tag.request(get("http://shop.example/cart")).sent().header("x-edge"), Some("edge-1"));
//! assert_eq!(tag.request(get("http://shop.example/admin")).reply().map(|reply| reply.status()), Some(403));
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs, unsafe_code)]

mod host;

mod answer;
mod body;
mod cache;
mod chance;
mod clock;
mod export;
mod filter;
mod flow;
mod header_name;
mod headers;
mod later;
mod memo;
mod network;
mod property;
mod query;
mod reading;
mod request;
mod response;
mod set_cookie;
mod span;
mod task;

pub mod http;
pub mod log;
pub mod metric;
pub mod pattern;
pub mod settings;
pub mod shared;

#[doc(hidden)]
pub mod stage;

#[cfg(not(target_arch = "wasm32"))]
pub mod rehearsal;

pub use body::{Body, Whole};
pub use cache::Cache;
pub use chance::draw;
pub use clock::now;
pub use filter::Filter;
pub use flow::{Flow, Later, Reply};
pub use header_name::HeaderName;
pub use headers::Headers;
pub use network::Network;
pub use query::Query;
pub use reading::Readings;
pub use request::Request;
pub use response::Response;
pub use set_cookie::SetCookie;
pub use span::Span;
pub use task::spawn;

/// What a filter's file starts with: `use forebay_sdk::prelude::*;`.
pub mod prelude {
    pub use serde::Deserialize;

    pub use crate::{Body, Filter, Flow, Headers, Request, Response, Whole, export, log};
}

/// The README's filter compiles, or this is a test that fails.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
