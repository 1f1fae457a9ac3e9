//! HTTP as the RFCs define it, in pure functions: no clock, no I/O, no configuration.

mod request;

pub use request::RequestHead;
