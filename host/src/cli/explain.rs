//! `forebay explain URL`: how a running node would answer a request, and why.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use http::{Request, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::admin::Admin;
use super::arguments::Explain;

/// Prints what the node says.
pub(super) fn explain(options: &Explain) -> anyhow::Result<ExitCode> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut target = format!("/v1/explain?url={}", encoded(&options.url));
    for field in &options.header {
        if !field.contains(':') {
            bail!("{field:?} is not a header field; write -H 'Name: value'");
        }
        target.push_str(&format!("&header={}", encoded(field)));
    }
    if let Some(method) = &options.method {
        target.push_str(&format!("&method={}", encoded(method)));
    }
    let form = if options.json { "application/json" } else { "text/plain" };
    let answer = Admin::of(&options.door)?.ask(Request::get(target).header(header::ACCEPT, form), String::new())?;
    if !answer.status().is_success() {
        let told: Value = serde_json::from_str(answer.body()).unwrap_or_default();
        bail!("{}", told["error"].as_str().unwrap_or(answer.body().trim_end()));
    }
    std::io::stdout().lock().write_all(answer.body().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
