//! What is measured: `metrics` are the host's own of each filter, each `timing` of a callback among them, `series` those that
//! guests define under a `metric_name`.

pub(super) mod metric_name;
pub(super) mod metrics;
pub(super) mod series;
pub(super) mod timing;
