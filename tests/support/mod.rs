//! What the behaviour and process tests stand on: both ends of the wire, and the node between them.
//!
//! `TestNode` runs in the test's process, `Binary` is the real program. `Origin` answers as a test scripts it, bad answers
//! included, and remembers what it saw; `River` has one large body, `Nginx` is a real origin, `Relay` a detour to
//! any address. `RawClient` sends any bytes and reads one response,
//! `Exposition` reads a scrape. Nothing here sleeps: what must happen in order waits for a `Gate` or for an event, and
//! `patiently` turns a hang into a failure.

mod answer;
mod binary;
mod client;
mod exposition;
mod free_port;
mod gate;
mod message;
mod nginx;
mod node;
mod notes;
mod origin;
mod patience;
mod relay;
mod river;
mod site;

pub use answer::Answer;
pub use binary::{Binary, check, forebay};
pub use client::{RawClient, get};
pub use exposition::Exposition;
pub use gate::Gate;
pub use message::{Response, Seen};
pub use nginx::Nginx;
pub use node::{TestNode, filter_module, one_route};
pub use notes::skip;
pub use origin::Origin;
pub use patience::patiently;
pub use relay::Relay;
pub use river::{River, drink, water};
pub use site::{Page, Site};
