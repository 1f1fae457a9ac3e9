//! What can be written behind `forebay filter`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::door::Door;

#[derive(Debug, Subcommand)]
pub(crate) enum FilterCommand {
    /// Make a crate with a first filter that builds and tests at once
    New(New),
    /// Say what a module is made of, what this host has for it, and why it would not load
    Check(Check),
    /// Run a filter on the cases of a file, and say which ones come out as expected
    Test(Test),
    /// Measure what a filter costs: processor time by callback, memory, start, beside their limits
    Bench(Bench),
    /// Record exchanges of a filter on a running node
    Record(Record),
    /// Run recorded exchanges again, with the same module or another one, and say what differs
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The filter, as the node's configuration names it
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// The file to make: it holds what clients sent, so only its owner may read it
    #[arg(short, long, value_name = "TRACE")]
    pub(super) output: PathBuf,
    /// End after so many exchanges
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(super) exchanges: u64,
    /// End after so many seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(super) seconds: u64,
    /// End before the file has more bytes
    #[arg(long, value_name = "N", default_value_t = 64 << 20)]
    pub(super) bytes: u64,
    /// Of the exchanges, how many take part
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(super) share: u8,
    #[command(flatten)]
    pub(super) door: Door,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A compiled filter
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// What was recorded
    #[arg(value_name = "TRACE")]
    pub(super) trace: PathBuf,
    /// Compare what this module decides with what the recorded one decided, instead of asking for the same to the letter
    #[arg(long)]
    pub(super) diff: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// A compiled filter and the file of its cases, as often as needed
    #[arg(value_name = "FILE CASES", required_unless_present = "all")]
    pub(super) pairs: Vec<PathBuf>,
    /// Every filter of a folder that has cases: DIR/NAME/cases.toml for DIR/dist/NAME.wasm
    #[arg(long, value_name = "DIR")]
    pub(super) all: Option<PathBuf>,
    /// Where --all finds the modules, instead of DIR/dist
    #[arg(long, value_name = "DIR", requires = "all")]
    pub(super) modules: Option<PathBuf>,
    /// The settings of cases that have none: a TOML file, its top level is [filters.NAME.settings]
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A compiled filter
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// As JSON, with the faults
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The name of the filter, of its crate and of its folder
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Where the folder is made, instead of here
    #[arg(long, value_name = "DIR")]
    pub(super) path: Option<PathBuf>,
    /// The folder of the SDK, instead of the published one
    #[arg(long, value_name = "PATH")]
    pub(super) sdk: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A compiled filter
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The exchange that is measured: the first case of a file, or the one named; a plain GET without
    #[arg(long, value_name = "CASES[#NAME]")]
    pub(super) case: Option<String>,
    /// The settings where the case has none: a TOML file, its top level is [filters.NAME.settings]
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
    /// How often a batch of exchanges is measured
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) rounds: u16,
}
