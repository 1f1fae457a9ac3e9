//! What filters need of the node: its name, its clock, its workers and the place for their metrics.
//!
//! Made once by the node and cloned into every load, so that a reload finds the metrics and the shared data of the load before.

use std::sync::Arc;

use prometheus::Registry;

use super::isolation::renewal::Renewal;
use super::measures::metrics::FilterMetrics;
use super::measures::series::Families;
use super::shared::commons::Commons;
use super::shared::shared_queues::ReadyQueue;
use crate::clock::Clock;

#[derive(Debug, Clone)]
pub struct Environment {
    pub(super) clock: Clock,
    pub(super) workers: usize,
    pub(super) node_name: Arc<str>,
    pub(super) metrics: FilterMetrics,
    pub(super) families: Arc<Families>,
    pub(super) commons: Arc<Commons>,
    /// How filters are isolated by request, where the platform can do it.
    pub(super) renewal: Renewal,
}

impl Environment {
    /// Registers the host's own metrics; an error where `registry` has them already.
    pub fn new(registry: &Registry, clock: Clock, workers: usize, node_name: &str) -> prometheus::Result<Self> {
        Ok(Self {
            clock,
            workers,
            node_name: node_name.into(),
            metrics: FilterMetrics::new(registry)?,
            families: Arc::new(Families::new(registry.clone())),
            commons: Arc::new(Commons::default()),
            renewal: Renewal::Pages,
        })
    }

    /// Waits until guests have put messages into shared queues, and tells which queues and whose turn it is. One caller
    /// at a time: what one is told, another is not.
    pub async fn queues_ready(&self) -> Vec<ReadyQueue> {
        self.commons.queues.ready().await
    }
}
