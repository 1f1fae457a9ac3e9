//! What the node tells its operator: metrics, the log, the access log.
//!
//! Each stage declares its own metrics and registers them in the one `prometheus::Registry` that the node makes; this
//! folder knows none of them.
