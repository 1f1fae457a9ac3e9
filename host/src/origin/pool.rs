//! Connections to one server that wait for their next request.
//!
//! One shelf per worker, because a connection is driven by the runtime that opened it. The last one put back is the first
//! one taken, so that a pool that has become too large dries up from its old end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use prometheus::IntGauge;
use tokio::time::Instant;

use super::metrics::Counted;
use crate::body::Body;
use crate::worker;

pub(super) struct Pool {
    shelves: Vec<Mutex<VecDeque<Idle>>>,
    idle_timeout: Duration,
    idle_max: usize,
    idle: IntGauge,
}

struct Idle {
    sender: SendRequest<Body>,
    since: Instant,
    _counted: Counted,
}

/// How many connections, for how long; counted in `idle`.
pub(super) struct Limits {
    pub(super) workers: usize,
    pub(super) idle_timeout: Duration,
    pub(super) idle_max: usize,
    pub(super) idle: IntGauge,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            shelves: (0..limits.workers.max(1)).map(|_| Mutex::default()).collect(),
            idle_timeout: limits.idle_timeout,
            idle_max: limits.idle_max,
            idle: limits.idle,
        }
    }

    /// An open connection that is ready for a request, if one waits here.
    pub(super) async fn take(&self) -> Option<SendRequest<Body>> {
        loop {
            let mut idle = self.shelf().pop_back()?;
            if idle.since.elapsed() < self.idle_timeout && !idle.sender.is_closed() && idle.sender.ready().await.is_ok()
            {
                return Some(idle.sender);
            }
        }
    }

    /// Keeps a connection for the next request of this worker; the oldest one makes room.
    pub(super) fn put(&self, sender: SendRequest<Body>) {
        if sender.is_closed() || self.idle_max == 0 {
            return;
        }
        let mut shelf = self.shelf();
        let now = Instant::now();
        while shelf
            .front()
            .is_some_and(|oldest| shelf.len() >= self.idle_max || now - oldest.since >= self.idle_timeout)
        {
            shelf.pop_front();
        }
        shelf.push_back(Idle { sender, since: now, _counted: Counted::new(&self.idle) });
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn shelf(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.shelves[worker::slot(self.shelves.len())].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back to its pool when its exchange is over, or is closed where the exchange broke off.
pub(super) struct Leased {
    sender: Option<SendRequest<Body>>,
    pool: Arc<Pool>,
    _active: Counted,
}

impl Leased {
    pub(super) fn new(sender: SendRequest<Body>, pool: Arc<Pool>, active: &IntGauge) -> Self {
        Self { sender: Some(sender), pool, _active: Counted::new(active) }
    }

    pub(super) fn sender(&mut self) -> Option<&mut SendRequest<Body>> {
        self.sender.as_mut()
    }

    /// The response has been read to its end.
    pub(super) fn give_back(mut self) {
        if let Some(sender) = self.sender.take() {
            self.pool.put(sender);
        }
    }
}
