//! A store over a faulty disk, driven step by step: the writer pauses after a trouble until it is nudged.

use std::time::Duration;

use bytes::Bytes;
use prometheus::Registry;

use crate::cache::disk::answer::{Put, Reading};
use crate::cache::disk::record::{KeyHash, Kind};
use crate::cache::disk::simulation::held::HeldDisk;
use crate::cache::disk::simulation::held::HeldSite;
use crate::cache::disk::site::Site;
use crate::cache::disk::state::State;
use crate::cache::disk::store::Store;
use crate::cache::disk::writer::Pace;
use crate::config;

const HOUR: Duration = Duration::from_secs(3_600);

/// Nothing happens by itself, and the folder is looked at whenever the writer wakes up.
pub(super) const STEPS: Pace = Pace { pause_first: HOUR, pause_max: HOUR, look: HOUR, start: HOUR };

pub(super) fn config() -> config::Disk {
    config::Disk {
        path: "unused".into(),
        bytes_max: 1 << 21,
        object_bytes_max: 1 << 20,
        segment_bytes: 64 << 10,
        queue_bytes_max: 64 << 10,
        admission: config::Admission::All,
        admission_window: Duration::ZERO,
        write_rate: None,
        reads_max: 4,
    }
}

pub(super) struct Rig<S: Site = HeldSite> {
    pub(super) site: S,
    pub(super) store: Store<S>,
    pub(super) registry: Registry,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::on(HeldSite::on(HeldDisk::new(1)))
    }

    pub(super) fn on(site: HeldSite) -> Self {
        Self::with(site, STEPS)
    }

    pub(super) fn with(site: HeldSite, pace: Pace) -> Self {
        Self::sized(site, pace, config().bytes_max)
    }

    pub(super) fn sized(site: HeldSite, pace: Pace, bytes_max: u64) -> Self {
        let registry = Registry::new();
        let config = config::Disk { bytes_max, ..config() };
        let store = Store::begin(site.clone(), &config, pace, &registry).expect("metrics of its own");
        Self { site, store, registry }
    }

    pub(super) fn disk(&self) -> HeldDisk {
        self.site.disk(0)
    }

    /// Ends cleanly and starts again.
    pub(super) fn restart(self) -> Self {
        let site = self.site.clone();
        drop(self);
        Self::on(site)
    }

    /// Starts again with what is on the disk now.
    pub(super) fn kill(self) -> Self {
        Self::on(HeldSite::on(self.disk().fork()))
    }
}

impl<S: Site> Rig<S> {
    pub(super) fn key(&self, key: &str) -> KeyHash {
        self.store.hash(&[key.as_bytes()])
    }

    pub(super) fn put(&self, key: &str, body: &str) -> Put {
        self.store.put(self.key(key), Kind::Entry, (Bytes::new(), Bytes::from(body.to_owned())))
    }

    pub(super) fn remove(&self, key: &str) {
        self.store.remove(self.key(key));
    }

    /// What the key has, however long it takes.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        let record = match self.store.read(self.key(key)) {
            Reading::Here(record) => Some(record),
            Reading::Absent => None,
            Reading::Later(later) => runtime().block_on(self.store.wait(later)),
        };
        record.map(|record| String::from_utf8(record.body.to_vec()).expect("text was put"))
    }

    /// Waits until everything that was put and removed is on the disk.
    pub(super) fn flush(&self) {
        self.store.0.stock.queue.wait_until_quiet();
    }

    pub(super) fn put_and_flush(&self, key: &str, body: &str) {
        assert_eq!(self.put(key, body), Put::Queued);
        self.flush();
    }

    pub(super) fn nudge(&self) {
        self.store.0.stock.queue.nudge();
    }

    pub(super) fn state(&self) -> State {
        self.store.0.states.now()
    }

    pub(super) fn until(&self, state: State) {
        runtime().block_on(self.store.0.states.until(|now| *now == state));
    }

    /// Waits until a counter stands there; the writer makes it do so soon.
    pub(super) fn until_metric(&self, name: &str, labels: &[&str], value: u32) {
        while self.metric(name, labels) < f64::from(value) {
            std::thread::yield_now();
        }
    }

    /// A counter or gauge, by its name and the values of its labels.
    pub(super) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect("the metric is there");
        let of = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().map(|label| label.value()).eq(labels.iter().copied())
        };
        let metric = family.get_metric().iter().find(of).expect("these labels are there");
        let histogram = metric.get_histogram().get_sample_count() as f64;
        metric.get_counter().get_value() + metric.get_gauge().get_value() + histogram
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}
