//! The metric registry's two doors: adding to it, and writing it out for a scrape.

use prometheus::core::Collector;
use prometheus::{Encoder, Registry, TextEncoder};

/// Upper bounds of latency histograms, in seconds. OpenTelemetry's advice for HTTP, with finer steps below 5 ms, because
/// cache hits take microseconds.
pub const LATENCY_BUCKETS: [f64; 19] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
    10.0,
];

/// Registers several collectors of one kind.
pub fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collectors: &[&C],
) -> Result<(), prometheus::Error> {
    collectors.iter().try_for_each(|collector| registry.register(Box::new((*collector).clone())))
}

/// Everything in the Prometheus text format, and its content type.
pub fn render(registry: &Registry) -> (Vec<u8>, &'static str) {
    let mut text = Vec::with_capacity(32 * 1024);
    // Encoding fails for families without metrics only, and `gather` leaves those out; writing to memory cannot fail.
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::error!(%error, "metrics could not be written");
    }
    (text, prometheus::TEXT_FORMAT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::IntCounter;

    #[test]
    fn what_is_registered_is_rendered() {
        let registry = Registry::new();
        let counter = IntCounter::new("forebay_test_total", "A test").expect("a valid name");
        register(&registry, &[&counter]).expect("registered");
        counter.inc_by(3);
        let (text, content_type) = render(&registry);
        assert!(String::from_utf8(text).expect("text").contains("forebay_test_total 3"));
        assert!(content_type.starts_with("text/plain"));
    }
}
