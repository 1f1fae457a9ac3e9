//! A node with one filter whose exchanges are recorded, and run again from the file alone.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::super::{Chain, Filters, RecordBounds, Recording, Replay, Report};
use super::node::{Node, limits};
use crate::config::OnError;

pub(super) fn bounds(exchanges: u64) -> RecordBounds {
    RecordBounds { exchanges, duration: Duration::from_secs(60), bytes: 1 << 20, percent: 100 }
}

/// All lines of a recording that ends.
pub(super) fn lines(recording: Recording) -> Vec<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(all_of(recording))
}

/// The same on the test's own runtime.
pub(super) async fn all_of(mut recording: Recording) -> Vec<Bytes> {
    let mut lines = Vec::new();
    while let Some(line) = recording.next().await {
        lines.push(line);
    }
    lines
}

/// A node with one filter, and a folder for what is recorded of it.
pub(super) struct Stage {
    pub(super) node: Node,
    pub(super) filters: Filters,
    pub(super) chain: Chain,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn of(module: &[u8]) -> Self {
        Self::with(module, OnError::FailClosed)
    }

    pub(super) fn with(module: &[u8], on_error: OnError) -> Self {
        let mut node = Node::new();
        node.add("probe", module).on_error = on_error;
        Self::on(node)
    }

    /// On a node that has the filter already.
    pub(super) fn on(node: Node) -> Self {
        let filters = node.load().unwrap();
        let chain = filters.chain(&node.elements()).unwrap();
        Self { node, filters, chain, folder: tempfile::tempdir().unwrap() }
    }

    /// The trace of what `work` does.
    pub(super) fn record(&self, exchanges: u64, work: impl Fn(&Chain)) -> Vec<Bytes> {
        let recording = self.filters.record("probe", bounds(exchanges)).unwrap();
        (0..exchanges).for_each(|_| work(&self.chain));
        lines(recording)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn replay(&self, module: &[u8], trace: &[Bytes]) -> Result<Replay, String> {
        let (module, trace) = (self.file("m.wasm", module), self.file("trace", &trace.concat()));
        Replay::open(&module, &trace, &limits()).map_err(|error| error.to_string())
    }

    pub(super) fn same(&self, trace: &[Bytes]) -> Report {
        let module = std::fs::read(&self.node.filters[0].module).unwrap();
        self.replay(&module, trace).unwrap().same().unwrap()
    }
}

/// A trace whose text was changed, with the checksum that it should have.
pub(super) fn resealed(text: &str) -> Vec<Bytes> {
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let last = lines.pop().unwrap();
    let mut end: serde_json::Value = serde_json::from_str(&last).unwrap();
    end["end"]["xxh3"] = format!("{:032x}", xxh3_128(lines.concat().as_bytes())).into();
    lines.push(format!("{end}\n"));
    lines.into_iter().map(Bytes::from).collect()
}
