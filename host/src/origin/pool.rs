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

/// The shortest pause between two looks for connections to close.
const SWEEP_MIN: Duration = Duration::from_millis(100);

pub(super) struct Pool {
    shelves: Vec<Mutex<Shelf>>,
    idle_timeout: Duration,
    idle_max: usize,
    idle: IntGauge,
}

/// One worker's connections, and whether a task is clearing them of old ones.
#[derive(Default)]
struct Shelf {
    waiting: VecDeque<Idle>,
    swept: bool,
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
            let mut idle = self.shelf().waiting.pop_back()?;
            if idle.since.elapsed() < self.idle_timeout && !idle.sender.is_closed() && idle.sender.ready().await.is_ok()
            {
                return Some(idle.sender);
            }
        }
    }

    /// Keeps a connection for the next request of this worker; the oldest one makes room.
    pub(super) fn put(self: &Arc<Self>, sender: SendRequest<Body>) {
        if sender.is_closed() || self.idle_max == 0 {
            return;
        }
        let mut shelf = self.shelf();
        if shelf.waiting.len() >= self.idle_max {
            shelf.waiting.pop_front();
        }
        shelf.waiting.push_back(Idle { sender, since: Instant::now(), _counted: Counted::new(&self.idle) });
        if !std::mem::replace(&mut shelf.swept, true) {
            tokio::spawn(self.clone().sweep());
        }
    }

    /// Closes connections that nobody needs, until none waits on this worker's shelf.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep((self.idle_timeout / 2).max(SWEEP_MIN)).await;
            let now = Instant::now();
            let mut shelf = self.shelf();
            shelf.waiting.retain(|idle| !idle.sender.is_closed() && now - idle.since < self.idle_timeout);
            if shelf.waiting.is_empty() {
                shelf.swept = false;
                return;
            }
        }
    }

    /// Nothing that can panic runs under this lock, so a poisoned one is as good as any.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
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
