//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::door::{DEFAULT_CONFIG, Door};
use super::filter::FilterCommand;

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
    /// Give up stored responses of a running node
    Purge(Purge),
    /// Have a running node read its filters and routes again
    Reload(Reload),
    /// Say how a running node would answer a request, and why
    Explain(Explain),
    /// Make, check, test and measure filters
    #[command(subcommand)]
    Filter(FilterCommand),
}

impl Default for Command {
    fn default() -> Self {
        Self::Run(Run { config: DEFAULT_CONFIG.into(), origin: None, listen: None, admin: None })
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
    /// Metrics, health and purges here instead of 127.0.0.1:9090
    #[arg(long, value_name = "ADDRESS", requires = "origin")]
    pub(super) admin: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Purge {
    /// Everything stored for this URL: all its variants
    #[arg(value_name = "URL")]
    pub(super) urls: Vec<String>,
    /// The same
    #[arg(long, value_name = "URL")]
    pub(super) url: Vec<String>,
    /// Everything with this name in Surrogate-Key, Cache-Tag or Cache-Groups
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
    /// Everything whose URL starts with this
    #[arg(long, value_name = "URL")]
    pub(super) prefix: Vec<String>,
    /// Everything of this host, on all ports
    #[arg(long, value_name = "HOST")]
    pub(super) host: Vec<String>,
    /// Everything
    #[arg(long)]
    pub(super) all: bool,
    /// Make it stale instead: it is validated before its next use, or used stale where it may be
    #[arg(long)]
    pub(super) soft: bool,
    #[command(flatten)]
    pub(super) door: Door,
}

#[derive(Debug, Args)]
pub(super) struct Reload {
    #[command(flatten)]
    pub(super) door: Door,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// As clients write it: scheme, host, path and query
    #[arg(value_name = "URL")]
    pub(super) url: String,
    /// A field of the request, as in "Accept-Language: de"
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(super) header: Vec<String>,
    /// The method, instead of GET
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) door: Door,
}
