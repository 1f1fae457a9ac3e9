//! The metrics that guests define.
//!
//! `Families` is the process's view, one Prometheus family per name; `SeriesTable` is one filter's, where the numbers that
//! guests hold lead to their series. Numbers are the same for all instances of a filter, and a series is found by its
//! number without a lock once an instance has met it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::super::abi::{MetricKind, Status};
use super::metric_name::{FILTER_LABEL, MetricName};

/// Guests observe whole numbers of a unit that only they know: bytes, milliseconds, items. Decades in three steps.
const BUCKETS: [f64; 19] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];

/// One series, ready to be written.
#[derive(Debug, Clone)]
pub(in crate::filter) enum Series {
    Counter(IntCounter),
    Gauge(IntGauge),
    Histogram(Histogram),
}

/// All families that guests have defined, by exposed name.
pub(in crate::filter) struct Families {
    registry: Registry,
    by_name: Mutex<HashMap<String, Family>>,
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Families")
    }
}

struct Family {
    labels: Vec<String>,
    vector: Vector,
}

enum Vector {
    Counter(IntCounterVec),
    Gauge(IntGaugeVec),
    Histogram(HistogramVec),
}

impl Families {
    pub(in crate::filter) fn new(registry: Registry) -> Self {
        Self { registry, by_name: Mutex::default() }
    }

    /// The series of `filter` under `name`; `BadArgument` where the family has another kind or other labels.
    fn series(&self, filter: &str, name: MetricName, kind: MetricKind) -> Result<Series, Status> {
        let (mut labels, mut values) = (vec![FILTER_LABEL.to_owned()], vec![filter.to_owned()]);
        for (label, value) in name.labels {
            labels.push(label);
            values.push(value);
        }
        let mut families = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if !families.contains_key(&name.family) {
            let family = Family::register(&self.registry, &name.family, kind, labels.clone())?;
            families.insert(name.family.clone(), family);
        }
        let family = &families[&name.family];
        if family.labels != labels {
            return Err(Status::BadArgument);
        }
        let series = match (&family.vector, kind) {
            (Vector::Counter(of), MetricKind::Counter) => of.get_metric_with_label_values(&values).map(Series::Counter),
            (Vector::Gauge(of), MetricKind::Gauge) => of.get_metric_with_label_values(&values).map(Series::Gauge),
            (Vector::Histogram(of), MetricKind::Histogram) => {
                of.get_metric_with_label_values(&values).map(Series::Histogram)
            }
            _ => return Err(Status::BadArgument),
        };
        series.map_err(|_| Status::BadArgument)
    }
}

impl Family {
    fn register(registry: &Registry, name: &str, kind: MetricKind, labels: Vec<String>) -> Result<Self, Status> {
        let vector = Vector::register(registry, name, kind, &labels).map_err(|_| Status::BadArgument)?;
        Ok(Self { labels, vector })
    }
}

impl Vector {
    fn register(registry: &Registry, name: &str, kind: MetricKind, labels: &[String]) -> prometheus::Result<Self> {
        const HELP: &str = "Defined by a filter.";
        let names: Vec<&str> = labels.iter().map(String::as_str).collect();
        Ok(match kind {
            MetricKind::Counter => {
                let counter = IntCounterVec::new(Opts::new(name, HELP), &names)?;
                registry.register(Box::new(counter.clone()))?;
                Self::Counter(counter)
            }
            MetricKind::Gauge => {
                let gauge = IntGaugeVec::new(Opts::new(name, HELP), &names)?;
                registry.register(Box::new(gauge.clone()))?;
                Self::Gauge(gauge)
            }
            MetricKind::Histogram => {
                let histogram = HistogramVec::new(HistogramOpts::new(name, HELP).buckets(BUCKETS.to_vec()), &names)?;
                registry.register(Box::new(histogram.clone()))?;
                Self::Histogram(histogram)
            }
        })
    }
}

/// The series of one filter, by the numbers its guests know them under.
#[derive(Debug)]
pub(in crate::filter) struct SeriesTable {
    filter: Arc<str>,
    series_max: usize,
    families: Arc<Families>,
    table: RwLock<Table>,
    told_full: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Vec<u8>, (MetricKind, u32)>,
    series: Vec<Series>,
}

impl SeriesTable {
    pub(in crate::filter) fn new(filter: Arc<str>, series_max: usize, families: Arc<Families>) -> Self {
        Self { filter, series_max, families, table: RwLock::default(), told_full: AtomicBool::new(false) }
    }

    /// The number of the series `name`, made now where it is new. `InternalFailure` beyond the bound, which is logged
    /// once; `BadArgument` for a name that cannot be, or is something else already.
    pub(in crate::filter) fn define(&self, name: &[u8], kind: MetricKind) -> Result<u32, Status> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        match table.numbers.get(name) {
            Some((known, number)) if *known == kind => return Ok(*number),
            Some(_) => return Err(Status::BadArgument),
            None => {}
        }
        let parsed = MetricName::parse(name, kind)?;
        if table.series.len() >= self.series_max {
            self.tell_full();
            return Err(Status::InternalFailure);
        }
        let number = u32::try_from(table.series.len()).map_err(|_| Status::InternalFailure)?;
        let series = self.families.series(&self.filter, parsed, kind)?;
        table.series.push(series);
        table.numbers.insert(name.to_vec(), (kind, number));
        Ok(number)
    }

    /// Brings `known`, an instance's own copy of the table, up to date.
    pub(in crate::filter) fn refresh(&self, known: &mut Vec<Series>) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        known.extend_from_slice(&table.series[known.len()..]);
    }

    fn tell_full(&self) {
        if !self.told_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(filter = %self.filter, metric_series_max = self.series_max, "filter defines too many metrics");
        }
    }
}
