//! The filters of one route, in request order.
//!
//! Held by the route and shared by its exchanges; a `Run` is what one exchange makes of it.

use std::sync::Arc;

use super::plugin::Plugin;
use super::rollout::canary::Canary;
use super::rollout::condition::Conditions;
use super::run::Run;
use super::stream::Stream;

#[derive(Debug, Clone)]
pub struct Chain {
    plugins: Arc<[Arc<Plugin>]>,
    conditions: Conditions,
    /// By their place in the chain.
    canaries: Arc<[(usize, Arc<Canary>)]>,
}

impl Chain {
    pub(super) fn new(
        plugins: Arc<[Arc<Plugin>]>,
        conditions: Conditions,
        canaries: Arc<[(usize, Arc<Canary>)]>,
    ) -> Self {
        Self { plugins, conditions, canaries }
    }

    /// Whether a run of it could only ever continue.
    pub fn is_empty(&self) -> bool {
        self.plugins.is_empty()
    }

    /// The names of the filters, in request order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.plugins.iter().map(|plugin| &*plugin.profile.name)
    }

    /// Whether every filter's instance on this thread is its image, bit for bit.
    #[cfg(test)]
    pub(super) fn pristine(&self) -> bool {
        self.plugins.iter().all(|plugin| plugin.pristine() == Some(true))
    }

    /// Starts the run of one exchange; no guest is entered yet.
    pub fn begin(&self, stream: Stream) -> Run {
        let plugins = if self.canaries.is_empty() { self.plugins.clone() } else { self.drawn() };
        Run::new(plugins, self.conditions.clone(), stream)
    }

    /// The versions that one exchange meets, to its end.
    fn drawn(&self) -> Arc<[Arc<Plugin>]> {
        let mut plugins = self.plugins.clone();
        for (index, canary) in &*self.canaries {
            if let Some(next) = canary.choose(fastrand::u8(..100)) {
                Arc::make_mut(&mut plugins)[*index] = next.clone();
            }
        }
        plugins
    }

    /// Starts one more instance of each filter and lets it go, for what that costs; the bytes of their memories. `None`
    /// where one does not start.
    pub fn start_anew(&self) -> Option<u64> {
        self.plugins.iter().map(|plugin| Some(plugin.start().ok()?.memory_bytes())).sum()
    }
}
