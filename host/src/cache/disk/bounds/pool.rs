//! Reads that wait for the disk: a bounded number at the same time, each on a thread that may wait.
//!
//! One who gives up waiting leaves the read to end by itself; until then it keeps its place.

use std::sync::Arc;

use tokio::sync::Semaphore;

pub(in crate::cache::disk) struct Pool(Arc<Semaphore>);

impl Pool {
    pub(in crate::cache::disk) fn new(reads_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(reads_max)))
    }

    /// Runs `read` as soon as there is a place for it; `None` where it did not come to its end.
    pub(in crate::cache::disk) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let place = self.0.clone().acquire_owned().await.ok()?;
        let job = move || {
            let _place = place;
            read()
        };
        tokio::task::spawn_blocking(job).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn an_abandoned_read_keeps_its_place_until_it_ends() {
        let pool = Arc::new(Pool::new(1));
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (go, gate) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    _ = begun.send(());
                    gate.recv()
                })
                .await
            }
        });
        begins.await.expect("the read begins");
        first.abort();
        assert!(first.await.expect_err("it was given up").is_cancelled());
        assert_eq!(pool.0.available_permits(), 0);
        go.send(()).expect("the read still waits");
        assert_eq!(pool.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn a_read_that_panics_is_none_and_costs_no_place() {
        let pool = Pool::new(1);
        assert_eq!(pool.run(|| -> u8 { panic!("a test") }).await, None);
        assert_eq!(pool.run(|| 7).await, Some(7));
    }
}
