//! One request from its first byte to the last byte of its response: the only place that knows the order of the steps.
//!
//! `serve` is the recipe, `look` its look into the cache. Each of its arms is one file: `hit` answers from the cache,
//! `miss` fetches once for everybody, `stale` answers while it fetches anew or leaves a failing origin alone (`backoff`),
//! `head` asks about a stored response, `pass` fetches for one, `invalidate` forgets what an unsafe request changed,
//! `compress` decides in which coding it goes out. Around them, `visit` is the request's own state, `routes` finds its way,
//! `forward` writes the request to the origin, `interim` and `mailbox` pass on what an origin says before its answer,
//! `deliver` the response to the client, `failure` answers for what went wrong, `record` hands in the `facts` at the end.

mod access_line;
mod backoff;
mod chain;
mod coded_body;
mod coding_metrics;
mod compress;
mod compressor;
mod deliver;
mod edge;
mod encoder;
mod explain;
mod explanation;
mod facts;
mod failure;
mod fetch;
mod forward;
mod head;
mod hit;
mod interim;
mod invalidate;
mod look;
mod mailbox;
mod metrics;
mod miss;
mod noting;
mod offer;
mod part_fetch;
mod part_hit;
mod partial;
mod pass;
mod peer;
mod purge;
mod record;
mod reply;
mod routes;
mod serve;
mod stale;
mod stored_note;
mod stretch;
mod target;
mod verbs;
mod visit;

pub use deliver::Delivery;
pub use edge::{Edge, EdgeError, Parts, outcalls::Outcalls, reload::ReloadError, reload::Reloaded};
pub use explanation::Explanation;
pub use mailbox::{Found, Mailbox, Slip};
pub use peer::{Peer, PurgeRight};
pub use purge::{Asker, BadScope, Purged, Wanted};
pub use target::BadUrl;
pub use visit::Closed;
