//! Where the keepers of all plugins run, and how they hear of their queues and of the node's end.
//!
//! Part of the environment, so that it outlives loads. Without a runtime, as in tests and tools, plugins have no keepers:
//! their own callbacks never run.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::shared::commons::Commons;
use super::orders::Orders;

#[derive(Default)]
pub(in crate::filter) struct Roots {
    runtime: Option<Handle>,
    /// Whose turn it is when messages come for a filter of this name.
    desks: Mutex<HashMap<Arc<str>, Arc<Orders>>>,
    closing: watch::Sender<bool>,
    /// Keepers at work.
    keepers: watch::Sender<usize>,
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roots")
    }
}

impl Roots {
    /// Keepers run on `runtime`, and are told there of messages in the queues of `commons`.
    pub(in crate::filter) fn on(runtime: Handle, commons: Arc<Commons>) -> Arc<Self> {
        let roots = Arc::new(Self { runtime: Some(runtime.clone()), ..Self::default() });
        let deliverer = Arc::downgrade(&roots);
        runtime.spawn(async move {
            loop {
                let ready = commons.queues.ready().await;
                let Some(roots) = deliverer.upgrade() else { break };
                let desks = roots.desks.lock().unwrap_or_else(PoisonError::into_inner);
                for ready in ready {
                    if let Some(orders) = desks.get(&ready.filter) {
                        orders.ring(ready.queue);
                    }
                }
            }
        });
        roots
    }

    /// From now on these plugins are told of the messages for filters of their names.
    pub(in crate::filter) fn assign(&self, desks: HashMap<Arc<str>, Arc<Orders>>) {
        *self.desks.lock().unwrap_or_else(PoisonError::into_inner) = desks;
    }

    /// Runs a keeper, where there is a runtime.
    pub(in crate::filter) fn spawn(self: &Arc<Self>, keeper: impl Future<Output = ()> + Send + 'static) {
        let Some(runtime) = &self.runtime else { return };
        self.keepers.send_modify(|keepers| *keepers += 1);
        let present = Present(self.clone());
        runtime.spawn(async move {
            keeper.await;
            drop(present);
        });
    }

    /// Returns when the node ends.
    pub(in crate::filter) async fn closed(&self) {
        if self.closing.subscribe().wait_for(|closing| *closing).await.is_err() {
            // Not before its sender is gone, which `self` holds.
            pending().await
        }
    }

    /// Has every plugin end, and returns when all have.
    pub(in crate::filter) async fn close(&self) {
        self.closing.send_replace(true);
        // The sender lives in `self`.
        let _ = self.keepers.subscribe().wait_for(|keepers| *keepers == 0).await;
    }
}

/// A keeper at work, however it ends.
struct Present(Arc<Roots>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.keepers.send_modify(|keepers| *keepers -= 1);
    }
}
