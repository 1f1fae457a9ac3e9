//! Where a command finds the node that it is about: what can be written of it on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// The configuration where none is named.
pub(super) const DEFAULT_CONFIG: &str = "config/edge.toml";

/// Where the node is.
#[derive(Debug, Args)]
pub(super) struct Door {
    /// The node's configuration, for its admin address and token
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// Its admin address, without any file
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    pub(super) admin: Option<SocketAddr>,
    /// Its admin token, instead of the configuration's
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Option<String>,
}
