//! What the node tells its operator: metrics, the log, the access log.
//!
//! Each stage declares its own metrics and registers them in the one `prometheus::Registry` that the node makes; this
//! folder knows none of them.

mod access_log;
mod log;
mod reading;
mod registry;

pub use access_log::{AccessLog, Line, Sink};
pub use log::{Format, start};
pub use reading::Reading;
pub use registry::{LATENCY_BUCKETS, register, render};
