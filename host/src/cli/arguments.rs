//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The configuration where none is named.
const DEFAULT_CONFIG: &str = "config/edge.toml";

/// A CDN edge node that its users program with WebAssembly filters.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, about)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the node (the default)
    Run(Run),
    /// Check a configuration and its filters, and list every fault
    Check(Check),
}

impl Default for Command {
    fn default() -> Self {
        Self::Run(Run { config: DEFAULT_CONFIG.into(), origin: None, listen: None })
    }
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// Serve this site, without any file: http://HOST[:PORT]
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    pub(super) origin: Option<String>,
    /// Listen here instead of 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS", requires = "origin")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
}
