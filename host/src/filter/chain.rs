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

    /// Whether every filter's instance on this thread is its image, bit for bit.
    #[cfg(test)]
    pub(super) fn pristine(&self) -> bool {
        self.plugins.iter().all(|plugin| plugin.pristine() == Some(true))
    }

    /// Starts the run of one exchange; no guest is entered yet.
    pub fn begin(&self, stream: Stream) -> Run {
        Run::new(self.plugins.clone(), stream)
    }
}
