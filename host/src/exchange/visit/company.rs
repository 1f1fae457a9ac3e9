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
}

impl Company {
    /// No filter is entered yet.
    pub(in crate::exchange) fn begin(chain: &Chain, stream: Stream, purger: Option<&Arc<Edge>>) -> Self {
        Self { run: chain.begin(stream), purger: purger.cloned() }
    }

    /// Ends the filters now, and tells the time that they have spent.
    pub(in crate::exchange) fn finish(mut self) -> Duration {
        self.end();
        self.run.elapsed()
    }

    fn end(&mut self) {
        self.run.end();
        if let Some(purger) = &self.purger
            && let Some(said) = self.run.take_cache_verbs()
        {
            purger.purge_as_wished(said.purges);
        }
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        self.end();
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
