//! A filter on a stage without a proxy: `cargo test` runs it natively, through the same callbacks.
//!
//! [`rehearse`] builds the filter from settings as the operator would write them, in JSON. [`Rehearsal::request`] plays
//! a request to it; the [`Exchange`] tells what would go to the origin, or what the filter answered, and plays the
//! response. [`alone`] plays to a single function. Not in WebAssembly modules.
//!
//! ```
//! use forebay_sdk::prelude::*;
//! use forebay_sdk::rehearsal::{get, rehearse, response};
//!
//! struct Served;
//!
//! impl Filter for Served {
//!     type Settings = ();
//!     fn new((): ()) -> Self { Self }
//!     fn on_response(&self, response: &mut Response) -> Flow {
//!         response.headers_mut().set("x-served", "here").remove("server");
//!         Flow::Continue
//!     }
//! }
//!
//! # fn main() -> Result<(), String> {
//! let served = rehearse::<Served>("")?;
//! let exchange = served.request(get("https://shop.example/").with("accept", "text/html").from("192.0.2.7"));
//! let answer = exchange.respond(response(200).with("server", "origin/1.0"));
//! assert_eq!((answer.header("x-served"), answer.header("server")), (Some("here"), None));
//! # Ok(())
//! # }
//! ```

pub mod alone;
mod called;
pub(crate) mod calls;
mod commons;
mod configured;
mod exchange;
mod message;
mod passage;
mod verbs;
pub(crate) mod world;

pub use called::Called;
pub use configured::{Rehearsal, rehearse};
pub use exchange::Exchange;
pub use message::{Message, get, request, response};
pub use verbs::Verbs;
