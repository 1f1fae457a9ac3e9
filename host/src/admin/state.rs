//! What the operator's door shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::Registry;

use crate::exchange::Edge;

/// Whether the node takes requests. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
}

impl Health {
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

/// Everything the door needs.
#[derive(Clone)]
pub struct State {
    pub registry: Registry,
    pub health: Health,
    /// What purges and explanations are about.
    pub edge: Arc<Edge>,
    /// Asked for on everything but the health checks.
    pub token: Option<String>,
}
