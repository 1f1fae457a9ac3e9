//! A gauge that is read when somebody scrapes, for numbers that some other part already keeps.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Error, Registry};

/// A gauge with fixed labels and a function for its value.
pub struct Reading<F> {
    desc: Desc,
    labels: Vec<(String, String)>,
    read: F,
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Reading<F> {
    /// Registers a gauge of this name. Several readings of one name need different labels.
    pub fn register(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        read: F,
    ) -> Result<(), Error> {
        let labels: Vec<(String, String)> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let fixed: HashMap<String, String> = labels.iter().cloned().collect();
        let desc = Desc::new(name.to_owned(), help.to_owned(), Vec::new(), fixed)?;
        registry.register(Box::new(Self { desc, labels, read }))
    }
}

impl<F: Fn() -> u64 + Send + Sync> Collector for Reading<F> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut gauge = Gauge::default();
        gauge.set_value((self.read)() as f64);
        let mut metric = Metric::default();
        metric.set_gauge(gauge);
        let pairs = self.labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.clone());
            pair
        });
        metric.set_label(pairs.collect::<Vec<_>>());
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(vec![metric]);
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn it_says_what_is_true_at_the_scrape() {
        let registry = Registry::new();
        let value = Arc::new(AtomicU64::new(1));
        let source = value.clone();
        let read = move || source.load(Ordering::Relaxed);
        Reading::register(&registry, "forebay_x", "X", &[("tier", "memory")], read).expect("registered");
        value.store(7, Ordering::Relaxed);
        let (text, _) = super::super::registry::render(&registry);
        assert!(String::from_utf8(text).expect("text").contains("forebay_x{tier=\"memory\"} 7"));
    }
}
