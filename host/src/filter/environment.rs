//! What filters need of the node: its name, its clock, its workers, its origins and the place for their metrics.
//!
//! Made once by the node and cloned into every load, so that a reload finds the metrics and the shared data of the load
//! before.

use std::sync::Arc;

use prometheus::Registry;
use tokio::runtime::Handle;

use super::calls::dispatch::{Dispatch, NoOrigins};
use super::isolation::renewal::Renewal;
use super::measures::metrics::FilterMetrics;
use super::measures::series::Families;
use super::root::roots::Roots;
use super::shared::commons::Commons;
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
    pub(super) dispatch: Arc<dyn Dispatch>,
    pub(super) roots: Arc<Roots>,
}

impl Environment {
    /// Registers the host's own metrics; an error where `registry` has them already.
    pub fn new(registry: &Registry, clock: Clock, workers: usize, node_name: &str) -> prometheus::Result<Self> {
        Ok(Self {
            clock,
            workers,
            node_name: node_name.into(),
            metrics: FilterMetrics::new(registry, workers)?,
            families: Arc::new(Families::new(registry.clone())),
            commons: Arc::new(Commons::default()),
            renewal: Renewal::Pages,
            dispatch: Arc::new(NoOrigins),
            roots: Arc::default(),
        })
    }

    /// The same, with somebody who carries out the calls of guests; without, they know no origin.
    pub fn calling(self, dispatch: Arc<dyn Dispatch>) -> Self {
        Self { dispatch, ..self }
    }

    /// The same, with a runtime on which plugins run their own callbacks; without, these never run.
    pub fn keeping(self, runtime: Handle) -> Self {
        Self { roots: Roots::on(runtime, self.commons.clone()), ..self }
    }

    /// Has every plugin end, and returns when all have: each is given `filter_limits.done_max`.
    pub async fn close(&self) {
        self.roots.close().await;
    }
}
