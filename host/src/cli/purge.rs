//! `forebay purge`: gives up stored responses of a running node.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use http::{Request, header};
use serde_json::{Map, Value};

use super::admin::Admin;
use super::arguments::Purge;

/// Exit 0 once the purge is in force and, with a disk tier, recorded, with one line per scope.
pub(super) fn purge(options: &Purge) -> anyhow::Result<ExitCode> {
    let body = body(options);
    if body.keys().all(|key| key == "soft") {
        bail!("nothing is named; write a URL, or --tag, --prefix, --host or --all");
    }
    let request = Request::post("/v1/purge").header(header::CONTENT_TYPE, "application/json");
    let answer = Admin::of(&options.door)?.ask(request, Value::Object(body).to_string())?;
    let told: Value = serde_json::from_str(answer.body()).unwrap_or_default();
    if !answer.status().is_success() {
        bail!("{}", told["error"].as_str().unwrap_or(answer.body().trim_end()));
    }
    let mut out = std::io::stdout().lock();
    let mode = told["mode"].as_str().unwrap_or_default();
    for purged in told["purged"].as_array().into_iter().flatten() {
        let text = |key: &str| purged[key].as_str().unwrap_or_default().to_owned();
        writeln!(out, "{}", format!("purged {mode} {} {}", text("scope"), text("value")).trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What `POST /v1/purge` takes.
fn body(options: &Purge) -> Map<String, Value> {
    let urls = options.urls.iter().chain(&options.url).cloned().collect();
    let named = [("urls", urls), ("tags", options.tag.clone()), ("prefixes", options.prefix.clone())];
    let named = named.into_iter().chain([("hosts", options.host.clone())]).filter(|(_, values)| !values.is_empty());
    let mut body: Map<String, Value> = named.map(|(key, values)| (key.to_owned(), Value::from(values))).collect();
    for (key, given) in [("all", options.all), ("soft", options.soft)] {
        if given {
            body.insert(key.to_owned(), Value::Bool(true));
        }
    }
    body
}
