//! A gate: closed until a test opens it, then open for good.

use tokio::sync::watch;

/// Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Returns once the gate is open, at once where it already is.
    pub async fn passed(&self) {
        // The sender lives in `self`, so waiting ends only by the gate being open.
        _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gate_opens_for_those_who_wait_and_for_those_who_come_later() {
        let gate = Gate::closed();
        let waiter = tokio::spawn({
            let gate = gate.clone();
            async move { gate.passed().await }
        });
        assert!(!waiter.is_finished());
        gate.open();
        waiter.await.unwrap();
        gate.passed().await;
    }
}
