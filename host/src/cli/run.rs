//! `forebay run`: starts the node, says where to look, and waits for a signal.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::arguments::Run;
use crate::config::{self, Config, LogFormat};
use crate::node::{Drained, Node, StartError};
use crate::telemetry::{self, Format};

/// Runs until TERM, INT or QUIT, then drains.
pub(super) fn run(options: &Run) -> anyhow::Result<ExitCode> {
    let loaded = match &options.origin {
        Some(url) => config::for_origin(url, options.listen, options.admin),
        None => config::load(&options.config),
    };
    let config = match loaded {
        Ok(config) => config,
        Err(faults) => {
            let _ = writeln!(std::io::stderr(), "{}", faults.to_string().trim_end());
            return Ok(ExitCode::FAILURE);
        }
    };
    let format = match config.log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    telemetry::start(&config.log.level, format).map_err(anyhow::Error::msg).context("log.level")?;
    open_many_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Heeded before the first request is, so that no signal finds its default.
        let signals = Signals::listen()?;
        let node = Node::start(&config).map_err(|error| mendable(options, error))?;
        // Nobody may be reading.
        let _ = std::io::stderr().write_all(banner(&node, &config).as_bytes());
        tracing::info!(name = config.node.name, workers = config.node.workers, "serving");
        until_told(node, signals).await
    })
}

/// Each connection and each segment of the disk tier is an open file, and systems start processes with 1,024. What the
/// administrator set as the hard limit is meant to be used.
fn open_many_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files_max) => tracing::debug!(files_max, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// Without a file, an address is another option's matter.
fn mendable(options: &Run, error: StartError) -> anyhow::Error {
    let option = match &error {
        StartError::Bind { what: "admin", .. } => "--admin",
        StartError::Bind { .. } => "--listen",
        _ => return error.into(),
    };
    if options.origin.is_none() { error.into() } else { anyhow!("{error}; name another address with {option}") }
}

async fn until_told(node: Node, mut signals: Signals) -> anyhow::Result<ExitCode> {
    loop {
        match signals.next().await {
            Told::Reopen => {
                node.reopen_logs();
                tracing::info!("log files opened again");
            }
            Told::Reload => reload(&node).await,
            Told::Drain => break,
        }
    }
    tracing::info!("draining");
    let drained = tokio::select! {
        drained = node.drain() => drained,
        // Whoever asks twice does not want to wait.
        () = signals.drain() => Drained::CutOff,
    };
    match drained {
        Drained::Clean => tracing::info!("drained"),
        Drained::CutOff => tracing::warn!("exchanges were cut off"),
    }
    Ok(ExitCode::SUCCESS)
}

/// A fault in the file is the operator's to mend; the node runs on as it was.
async fn reload(node: &Node) {
    let edge = node.edge().clone();
    match tokio::task::spawn_blocking(move || edge.reload()).await {
        Ok(Ok(reloaded)) => tracing::info!(whole = reloaded.is_whole(), "configuration read again"),
        Ok(Err(error)) => tracing::error!(%error, "configuration not read again"),
        Err(error) => tracing::error!(%error, "the reload broke off"),
    }
}

/// The signals that a node heeds, nginx's.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    reopen: Signal,
    reload: Signal,
}

enum Told {
    Drain,
    Reopen,
    Reload,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            reopen: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Drain,
            _ = self.interrupt.recv() => Told::Drain,
            _ = self.quit.recv() => Told::Drain,
            _ = self.reopen.recv() => Told::Reopen,
            _ = self.reload.recv() => Told::Reload,
        }
    }

    async fn drain(&mut self) {
        while !matches!(self.next().await, Told::Drain) {}
    }
}

/// Where to look, and three things to try.
fn banner(node: &Node, config: &Config) -> String {
    let mut text = String::from("\n");
    for address in node.listeners() {
        text.push_str(&format!("  Forebay {} serves http://{address}/\n", config.node.name));
    }
    let admin = node.admin();
    let page = node.listeners().first().map(|address| format!("http://{address}/")).unwrap_or_default();
    text.push_str(&format!(
        "  Metrics and health at http://{admin}/metrics, /healthz, /readyz\n\n  Try:\n    \
         curl -i {page}\n    \
         curl -sI {page} | grep -i -e cache-status -e age      # once more: a hit\n    \
         curl -s http://{admin}/metrics | grep forebay_cache\n\n"
    ));
    text
}
