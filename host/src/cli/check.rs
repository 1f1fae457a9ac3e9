//! `forebay check`: every fault of a configuration at once, or what it comes to.

use std::io::Write;
use std::process::ExitCode;

use super::arguments::Check;
use crate::config;
use crate::node;

/// Exit 0 and a summary, or exit 1 and one fault per line.
pub(super) fn check(options: &Check) -> anyhow::Result<ExitCode> {
    let config = match config::load(&options.config) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{}", faults.to_string().trim_end());
            return Ok(ExitCode::FAILURE);
        }
    };
    let faults = node::check_filters(&config)?;
    for error in &faults {
        eprintln!("{}: filters.{}: {}", options.config.display(), error.filter, error.fault);
    }
    if !faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{}", config.summary())?;
    writeln!(out, "{} is right", options.config.display())?;
    Ok(ExitCode::SUCCESS)
}
