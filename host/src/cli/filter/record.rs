//! `forebay filter record`: exchanges of a running node, in a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::super::admin::Admin;
use super::arguments::Record;

/// Its owner's alone: what clients sent is in it.
const MODE: u32 = 0o600;

/// Exit 0 once the recording has ended by a bound and the file is whole.
pub(super) fn record(options: &Record) -> anyhow::Result<ExitCode> {
    let name = utf8_percent_encode(&options.name, NON_ALPHANUMERIC).to_string();
    let Record { exchanges, seconds, bytes, share, output, .. } = options;
    let request = Request::post(format!(
        "/v1/filters/{name}/record?exchanges={exchanges}&seconds={seconds}&bytes={bytes}&percent={share}"
    ));
    let (mut file, mut last) = (None, Vec::new());
    let answer = Admin::of(&options.door)?.follow(request, |chunk| {
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(create(output)?),
        };
        file.write_all(chunk).with_context(|| format!("{} cannot be written", output.display()))?;
        keep_last_line(&mut last, chunk);
        Ok(())
    })?;
    if !answer.status().is_success() {
        let told: Value = serde_json::from_str(answer.body()).unwrap_or_default();
        bail!("{}", told["error"].as_str().unwrap_or(answer.body().trim_end()));
    }
    let told: Value = serde_json::from_slice(&last).unwrap_or_default();
    let Some(end) = told.get("end") else { bail!("the recording broke off; {} is cut", output.display()) };
    let number = |key: &str| end[key].as_u64().unwrap_or_default();
    let (recorded, large, fast) = (number("exchanges"), number("too_large"), number("too_fast"));
    let reason = end["reason"].as_str().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{recorded} exchanges recorded, {large} left out as too large and {fast} as too fast; over by {reason}"
    )?;
    Ok(ExitCode::SUCCESS)
}

fn create(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    file.with_context(|| format!("{} cannot be made", path.display()))
}

/// Keeps what stands behind the last line end but one.
fn keep_last_line(last: &mut Vec<u8>, chunk: &[u8]) {
    if last.ends_with(b"\n") && !chunk.is_empty() {
        last.clear();
    }
    let body = chunk.strip_suffix(b"\n").unwrap_or(chunk);
    match body.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => {
            last.clear();
            last.extend_from_slice(&chunk[end + 1..]);
        }
        None => last.extend_from_slice(chunk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_kept_however_it_comes() {
        for chunks in
            [&["a\nb\n"][..], &["a\n", "b\n"], &["a", "\nb", "\n"], &["a\nb", "", "\n"], &["c\na\n", "", "b\n"]]
        {
            let mut last = Vec::new();
            chunks.iter().for_each(|chunk| keep_last_line(&mut last, chunk.as_bytes()));
            assert_eq!(last, b"b\n", "{chunks:?}");
        }
    }
}
