//! `forebay reload`: has a running node read its configuration again.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use http::Request;
use serde_json::Value;

use super::admin::Admin;
use super::arguments::Reload;

/// Exit 0 where all of the file is in force, 1 where something was left; one line for each filter and for what was left.
pub(super) fn reload(options: &Reload) -> anyhow::Result<ExitCode> {
    let answer = Admin::of(&options.door)?.ask(Request::post("/v1/reload"), String::new())?;
    let told: Value = serde_json::from_str(answer.body()).unwrap_or_default();
    if !answer.status().is_success() {
        bail!("{}", told["error"].as_str().unwrap_or(answer.body().trim_end()));
    }
    let mut out = std::io::stdout().lock();
    for filter in told["filters"].as_array().into_iter().flatten() {
        let text = |key: &str| filter[key].as_str().unwrap_or_default();
        let line = format!("filter {} {} {} {}", text("filter"), text("result"), text("version"), text("error"));
        writeln!(out, "{}", line.trim_end())?;
    }
    for route in told["routes_left"].as_array().into_iter().flatten() {
        let text = |key: &str| route[key].as_str().unwrap_or_default();
        writeln!(out, "route {} left: {}", text("route"), text("error"))?;
    }
    for table in told["needs_restart"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        writeln!(out, "[{table}] left: it takes a new start")?;
    }
    Ok(if told["whole"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
