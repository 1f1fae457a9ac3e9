//! The command line: `forebay run` and `forebay check`.

mod arguments;
mod check;
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
