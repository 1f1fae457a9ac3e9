//! One request from its first byte to the last byte of its response: the only place that knows the order of the steps.
//!
//! `serve` is the recipe. Each of its arms is one file: `hit` answers from the cache, `miss` fetches once for everybody,
//! `stale` answers while
//! it fetches anew, `pass` fetches for one, `invalidate` forgets what an unsafe request changed, `compress` decides in which
//! coding it goes out. Around them, `visit` is the request's own state, `routes` finds its way, `forward` writes the request
//! to the origin, `interim` and `mailbox` pass on what an origin says before its answer, `deliver` the response to the
//! client, `failure` turns whatever went wrong into an answer, and
//! `record` hands in the `facts` of the exchange when it is over.

mod access_line;
mod coded_body;
mod coding_metrics;
mod compress;
mod compressor;
mod deliver;
mod edge;
mod encoder;
mod facts;
mod failure;
mod fetch;
mod forward;
mod hit;
mod interim;
mod invalidate;
mod mailbox;
mod metrics;
mod miss;
mod offer;
mod part_fetch;
mod part_hit;
mod partial;
mod pass;
mod peer;
mod record;
mod reply;
mod routes;
mod serve;
mod stale;
mod stretch;
mod visit;

pub use deliver::Delivery;
pub use edge::{Edge, EdgeError, Parts};
pub use mailbox::{Found, Mailbox, Slip};
pub use peer::Peer;
pub use visit::Closed;
