//! The golden list of metrics: `metrics.txt` names every series the node has, with its labels.
//!
//! Here the list is held to the naming rules and to the names written in the source; a behaviour test holds it to what a
//! running node really exports.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::source::Source;

pub(crate) const FILE: &str = "tests/tidy/metrics.txt";
const PREFIX: &str = "forebay_";
const KINDS: [&str; 3] = ["counter", "gauge", "histogram"];
/// What tells one series from another without growing with the traffic: enums and configured names.
const LABELS: [&str; 21] = [
    "callback",
    "cache",
    "cause",
    "code",
    "coding",
    "direction",
    "filter",
    "kind",
    "listener",
    "method",
    "mode",
    "op",
    "origin",
    "phase",
    "reason",
    "result",
    "route",
    "scope",
    "state",
    "status",
    "tier",
];
const BUILD_LABELS: [&str; 1] = ["version"];
const UNITS: [&str; 4] = ["_seconds", "_bytes", "_total", "_ratio"];

/// The rules of the list itself.
pub(crate) fn check_list(list: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut before = "";
    for (number, line) in list.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let (name, fault) = line_fault(line);
        findings.extend(fault.map(|fault| Finding::new(FILE, number + 1, fault)));
        if name <= before {
            findings.push(Finding::new(FILE, number + 1, format!("`{name}` is out of order or named twice")));
        }
        before = name;
    }
    findings
}

fn line_fault(line: &str) -> (&str, Option<String>) {
    let mut words = line.split(' ');
    let (kind, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let known = |label: &&str| LABELS.contains(label) || name.ends_with("_build_info") && BUILD_LABELS.contains(label);
    let fault = if !KINDS.contains(&kind) {
        Some(format!("`{kind}` is no kind of metric"))
    } else if !name.starts_with(PREFIX) {
        Some(format!("`{name}` lacks the prefix `{PREFIX}`"))
    } else if (kind == "counter") != name.ends_with("_total") {
        Some(format!("`{name}`: counters and only counters end in `_total`"))
    } else if kind == "histogram" && !UNITS.iter().any(|unit| name.ends_with(unit)) {
        Some(format!("`{name}` does not end in its unit"))
    } else {
        words.find(|label| !known(label)).map(|label| format!("`{label}` is no known label"))
    };
    (name, fault)
}

/// Names in the host's source that the list lacks, and names in the list that no source has.
pub(crate) fn check_source(list: &str, sources: &[Source]) -> Vec<Finding> {
    let listed: BTreeSet<&str> = list.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let mut declared = BTreeSet::new();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("host/src/") && !source.is_test()) {
        for token in source.tokens.iter().filter(|token| !token.test) {
            let Some(name) = metric_name(&token.text) else { continue };
            if !listed.contains(name) {
                findings.push(Finding::new(&source.path, token.line, format!("`{name}` is not in {FILE}")));
            }
            declared.insert(name);
        }
    }
    let lines = list.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let gone = lines.filter(|(_, line)| line.split(' ').nth(1).is_some_and(|name| !declared.contains(name)));
    findings.extend(gone.map(|(at, line)| Finding::new(FILE, at + 1, format!("nothing declares `{line}`"))));
    findings
}

/// Names in what is made for Prometheus and Grafana, a text at `path`, that the list lacks.
pub(crate) fn check_use(list: &str, path: &str, text: &str) -> Vec<Finding> {
    let listed: BTreeSet<&str> = list.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let part_of_name = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    // A histogram is asked for by its three series.
    let series = |word: &str| {
        ["_bucket", "_sum", "_count"].iter().any(|end| word.strip_suffix(end).is_some_and(|name| listed.contains(name)))
    };
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split(|byte| !part_of_name(byte)).filter(|word| word.starts_with(PREFIX)) {
            if !listed.contains(word) && !series(word) {
                findings.push(Finding::new(path, number + 1, format!("`{word}` is not in {FILE}")));
            }
        }
    }
    findings
}

/// The name inside a string literal that holds nothing but a metric's name.
fn metric_name(token: &str) -> Option<&str> {
    let name = token.strip_prefix('"')?.strip_suffix('"')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (plain && name.strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_list(list: &str) -> Vec<String> {
        check_list(list).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn the_list_follows_the_naming_rules() {
        assert_eq!(in_list("# note\ngauge forebay_a tier\ncounter forebay_b_total route code"), [] as [&str; 0]);
        assert!(in_list("metric forebay_a")[0].contains("no kind"));
        assert!(in_list("gauge a_b")[0].contains("prefix"));
        assert!(in_list("counter forebay_hits")[0].contains("`_total`"));
        assert!(in_list("gauge forebay_hits_total")[0].contains("`_total`"));
        assert!(in_list("histogram forebay_duration")[0].contains("unit"));
        assert!(in_list("counter forebay_hits_total path")[0].contains("no known label"));
        assert!(in_list("gauge forebay_b\ngauge forebay_a")[0].contains("out of order"));
        assert!(in_list("gauge forebay_a\ngauge forebay_a")[0].contains("named twice"));
    }

    #[test]
    fn a_dashboard_names_what_there_is() {
        let list = "counter forebay_a_total\nhistogram forebay_b_seconds";
        let right = "rate(forebay_a_total[5m]) / forebay_b_seconds_bucket{le=\"1\"}";
        assert_eq!(check_use(list, "x.json", right), []);
        assert_eq!(check_use(list, "x.json", "\nsum(forebay_a)").len(), 1);
    }

    #[test]
    fn list_and_source_name_the_same_metrics() {
        let source = Source::parse("host/src/cache/a.rs", "fn f() {\n gauge(\"forebay_a\");\n}");
        assert_eq!(check_source("gauge forebay_a", std::slice::from_ref(&source)), []);
        let found: Vec<String> = check_source("gauge forebay_b", &[source]).iter().map(Finding::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("host/src/cache/a.rs:2: `forebay_a` is not in"));
        assert!(found[1].contains("nothing declares `gauge forebay_b`"));
    }
}
