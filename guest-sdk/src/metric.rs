//! Counters, gauges and histograms of a filter's own, exported by the proxy.
//!
//! Make them in [`Filter::new`](crate::Filter::new) and keep them in the filter: a name is looked up once, not per
//! request. Labels stand in the name as Prometheus writes them; Forebay exports them as labels.
//!
//! ```
//! use forebay_sdk::metric::Counter;
//! use forebay_sdk::prelude::*;
//! use forebay_sdk::rehearsal::{get, rehearse};
//!
//! struct Reads { reads: Counter }
//!
//! impl Filter for Reads {
//!     type Settings = ();
//!     fn new((): ()) -> Self { Self { reads: Counter::labelled("shop_requests_total", &[("kind", "read")]) } }
//!     fn on_request(&self, request: &mut Request) -> Flow {
//!         if request.method() == "GET" { self.reads.increment(); }
//!         Flow::Continue
//!     }
//! }
//!
//! # fn main() -> Result<(), String> {
//! let reads = rehearse::<Reads>("")?;
//! reads.request(get("http://shop.example/"));
//! assert_eq!(reads.metric(r#"shop_requests_total{kind="read"}"#), 1);
//! # Ok(())
//! # }
//! ```

use crate::host::{MetricKind, calls};
use crate::log;

/// A number that only grows.
///
/// ```
/// # use forebay_sdk::{metric::Counter, rehearsal::alone};
/// let hits = Counter::new("hits_total");
/// hits.increment();
/// assert_eq!(alone::metric("hits_total"), 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Counter(Id);

/// A number that goes up and down.
///
/// ```
/// # use forebay_sdk::{metric::Gauge, rehearsal::alone};
/// let open = Gauge::new("open");
/// open.add(2);
/// open.add(-1);
/// assert_eq!(alone::metric("open"), 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Gauge(Id);

/// A distribution of values, in buckets that the proxy chooses.
///
/// ```
/// # use forebay_sdk::{metric::Histogram, rehearsal::alone};
/// let bytes = Histogram::new("bytes");
/// bytes.record(512);
/// bytes.record(4_096);
/// assert_eq!(alone::metric("bytes"), 2, "a rehearsal tells how many values it has");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Histogram(Id);

/// `None` where the proxy refused the metric: it then counts nothing.
type Id = Option<u32>;

impl Counter {
    /// A counter by its name, which may carry labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Counter, rehearsal::alone};
    /// Counter::new(r#"rules_total{act="block"}"#).increment();
    /// assert_eq!(alone::metric(r#"rules_total{act="block"}"#), 1);
    /// ```
    pub fn new(name: &str) -> Self {
        Self(define(MetricKind::Counter, name))
    }

    /// A counter by its name and labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Counter, rehearsal::alone};
    /// Counter::labelled("acts_total", &[("act", "block"), ("by", "ip")]).increment();
    /// assert_eq!(alone::metric(r#"acts_total{act="block",by="ip"}"#), 1);
    /// ```
    pub fn labelled(name: &str, labels: &[(&str, &str)]) -> Self {
        Self::new(&with_labels(name, labels))
    }

    /// Adds one.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Counter, rehearsal::alone};
    /// let blocked = Counter::new("blocked_total");
    /// blocked.increment();
    /// blocked.increment();
    /// assert_eq!(alone::metric("blocked_total"), 2);
    /// ```
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `amount`.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Counter, rehearsal::alone};
    /// Counter::new("bytes_total").add(512);
    /// assert_eq!(alone::metric("bytes_total"), 512);
    /// ```
    pub fn add(&self, amount: u32) {
        // The ABI refuses to add nothing.
        if let Some(id) = self.0.filter(|_| amount > 0) {
            calls::increment_metric(id, i64::from(amount));
        }
    }
}

impl Gauge {
    /// A gauge by its name, which may carry labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Gauge, rehearsal::alone};
    /// Gauge::new("rules").set(3);
    /// Gauge::new("rules").add(1);
    /// assert_eq!(alone::metric("rules"), 4, "one name is one gauge");
    /// ```
    pub fn new(name: &str) -> Self {
        Self(define(MetricKind::Gauge, name))
    }

    /// A gauge by its name and labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Gauge, rehearsal::alone};
    /// Gauge::labelled("users", &[("plan", "free")]).set(7);
    /// assert_eq!(alone::metric(r#"users{plan="free"}"#), 7);
    /// ```
    pub fn labelled(name: &str, labels: &[(&str, &str)]) -> Self {
        Self::new(&with_labels(name, labels))
    }

    /// Sets the value.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Gauge, rehearsal::alone};
    /// let size = Gauge::new("size");
    /// size.set(5);
    /// size.set(2);
    /// assert_eq!(alone::metric("size"), 2);
    /// ```
    pub fn set(&self, value: u64) {
        if let Some(id) = self.0 {
            calls::record_metric(id, value);
        }
    }

    /// Adds `amount`, or takes it away where it is negative.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Gauge, rehearsal::alone};
    /// Gauge::new("balance").add(-3);
    /// assert_eq!(alone::metric("balance"), -3);
    /// ```
    pub fn add(&self, amount: i64) {
        if let Some(id) = self.0 {
            calls::increment_metric(id, amount);
        }
    }
}

impl Histogram {
    /// A histogram by its name, which may carry labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Histogram, rehearsal::alone};
    /// Histogram::new("length").record(80);
    /// assert_eq!(alone::metric("length"), 1);
    /// ```
    pub fn new(name: &str) -> Self {
        Self(define(MetricKind::Histogram, name))
    }

    /// A histogram by its name and labels.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Histogram, rehearsal::alone};
    /// Histogram::labelled("took", &[("step", "auth")]).record(3);
    /// assert_eq!(alone::metric(r#"took{step="auth"}"#), 1);
    /// ```
    pub fn labelled(name: &str, labels: &[(&str, &str)]) -> Self {
        Self::new(&with_labels(name, labels))
    }

    /// Notes one value.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Histogram, rehearsal::alone};
    /// let depth = Histogram::new("depth");
    /// for value in [1, 2, 2] { depth.record(value); }
    /// assert_eq!(alone::metric("depth"), 3);
    /// ```
    pub fn record(&self, value: u64) {
        if let Some(id) = self.0 {
            calls::record_metric(id, value);
        }
    }
}

fn define(kind: MetricKind, name: &str) -> Id {
    let id = calls::define_metric(kind, name).ok();
    if id.is_none() {
        log::warn(format_args!("the proxy refused metric {name}; it will count nothing"));
    }
    id
}

/// The name as the Prometheus text format writes it with labels.
fn with_labels(name: &str, labels: &[(&str, &str)]) -> String {
    let mut whole = String::from(name);
    for (position, (label, value)) in labels.iter().enumerate() {
        whole.push(if position == 0 { '{' } else { ',' });
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        whole.extend([*label, "=\"", &value, "\""]);
    }
    if !labels.is_empty() {
        whole.push('}');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::with_labels;

    #[test]
    fn labels_are_written_as_prometheus_reads_them() {
        assert_eq!(with_labels("a_total", &[]), "a_total");
        assert_eq!(with_labels("a_total", &[("b", "c")]), r#"a_total{b="c"}"#);
        assert_eq!(with_labels("a_total", &[("b", "c\"d\\\n"), ("e", "")]), r#"a_total{b="c\"d\\\n",e=""}"#);
    }
}
