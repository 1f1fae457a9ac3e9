//! The one place where a test waits for something that may never come.

use std::future::Future;
use std::time::Duration;

/// Far above anything a loaded machine needs, which may compile a large module of a guest before it listens; only a test
/// that would hang gets here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The future's output; fails the test where it takes longer than a minute.
pub async fn patiently<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
