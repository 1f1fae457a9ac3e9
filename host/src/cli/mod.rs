//! The command line: `forebay run`, `check`, `purge`, `reload`, `explain` and `filter`.

mod admin;
mod arguments;
mod check;
mod door;
mod explain;
mod filter;
mod purge;
mod reload;
mod run;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Reads the process's arguments and does what they say.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or_default();
    let done = match command {
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::check(&options),
        Command::Purge(options) => purge::purge(&options),
        Command::Reload(options) => reload::reload(&options),
        Command::Explain(options) => explain::explain(&options),
        Command::Filter(command) => filter::filter(&command),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr(), "forebay: {error:#}");
            ExitCode::FAILURE
        }
    }
}
