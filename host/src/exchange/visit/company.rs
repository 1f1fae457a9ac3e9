//! The filters that go along with one exchange or one fetch: a run that, however it ends, has purged what they asked for.
//!
//! `Visit` begins one for its client's side, `Trip` one for its origin's. The last callbacks come when it is finished or
//! dropped, and what they say is heard like everything before.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use super::super::edge::Edge;
use crate::filter::{Chain, Run, Stream};

pub(in crate::exchange) struct Company {
    run: Run,
    /// `None` on trial: nothing is purged.
    purger: Option<Arc<Edge>>,
    /// Whether the filters have ended: to end them again would change nothing, and cost what locks cost.
    over: bool,
}

impl Company {
    /// No filter is entered yet.
    pub(in crate::exchange) fn begin(chain: &Chain, stream: Stream, purger: Option<&Arc<Edge>>) -> Self {
        Self { run: chain.begin(stream), purger: purger.cloned(), over: false }
    }

    /// Ends the filters now, and tells the time that they have spent.
    pub(in crate::exchange) fn finish(mut self) -> Duration {
        self.end()
    }

    fn end(&mut self) -> Duration {
        let (elapsed, said) = self.run.conclude();
        self.over = true;
        if let (Some(purger), Some(said)) = (&self.purger, said) {
            purger.purge_as_wished(said.purges);
        }
        elapsed
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        if !self.over {
            self.end();
        }
    }
}

impl Deref for Company {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.run
    }
}

impl DerefMut for Company {
    fn deref_mut(&mut self) -> &mut Run {
        &mut self.run
    }
}
