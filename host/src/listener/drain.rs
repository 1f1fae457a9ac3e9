//! The word that the node is going down: said once, heard by every listener and connection.

use tokio::sync::watch;

/// Says it.
#[derive(Debug)]
pub struct Drainer {
    sender: watch::Sender<bool>,
}

/// Hears it. Cloning hears the same.
#[derive(Debug, Clone)]
pub struct Drain {
    receiver: watch::Receiver<bool>,
}

impl Drainer {
    pub fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(false);
        (Self { sender }, Drain { receiver })
    }

    /// Listeners stop accepting, idle connections close, busy ones close after their exchange.
    pub fn start(&self) {
        self.sender.send_replace(true);
    }

    /// Ready when everybody who could hear it is gone.
    pub async fn finished(&self) {
        self.sender.closed().await;
    }
}

impl Drain {
    pub fn has_started(&self) -> bool {
        *self.receiver.borrow()
    }

    /// Ready once the drain has started, also where the drainer is gone.
    pub async fn started(&mut self) {
        // An error means that the drainer is gone: nobody keeps the node up any more.
        let _ = self.receiver.wait_for(|draining| *draining).await;
    }
}
