//! The filters of one route, in request order.
//!
//! Held by the route and shared by its exchanges; a `Run` is what one exchange makes of it.

use std::sync::Arc;

use super::plugin::Plugin;
use super::run::Run;
use super::stream::Stream;

#[derive(Debug, Clone)]
pub struct Chain {
    plugins: Arc<[Arc<Plugin>]>,
}

impl Chain {
    pub(super) fn new(plugins: Arc<[Arc<Plugin>]>) -> Self {
        Self { plugins }
    }

    /// Whether a run of it could only ever continue.
    pub fn is_empty(&self) -> bool {
        self.plugins.is_empty()
    }

    /// Starts the run of one exchange; no guest is entered yet.
    pub fn begin(&self, stream: Stream) -> Run {
        Run::new(self.plugins.clone(), stream)
    }

    /// Starts one more instance of each filter and lets it go, for what that costs; the bytes of their memories. `None`
    /// where one does not start.
    pub fn start_anew(&self) -> Option<u64> {
        self.plugins.iter().map(|plugin| Some(plugin.start().ok()?.memory_bytes())).sum()
    }
}
