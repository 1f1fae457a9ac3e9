//! The name a guest gives a metric, taken apart into what Prometheus wants.
//!
//! The ABI has no labels, so they may be written in the name: `hits{code="200",tier="memory"}`. Characters that
//! Prometheus has no use for become underscores, counters end in `_total`, and everything is under `forebay_wasm_`.

use std::str;

use super::super::abi::{MetricKind, Status};

/// Bytes of a name with its labels; what scrapers and dashboards still show.
const NAME_BYTES_MAX: usize = 512;

/// The label that the host sets: a guest cannot speak for another filter.
pub(in crate::filter) const FILTER_LABEL: &str = "filter";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::filter) struct MetricName {
    /// As exposed, with prefix and suffix.
    pub(in crate::filter) family: String,
    /// Names and values, sorted by name; without the filter's.
    pub(in crate::filter) labels: Vec<(String, String)>,
}

impl MetricName {
    /// `BadArgument` for an empty or overlong name, labels that are not well formed, twice there or not the guest's.
    pub(in crate::filter) fn parse(name: &[u8], kind: MetricKind) -> Result<Self, Status> {
        let name = str::from_utf8(name).map_err(|_| Status::BadArgument)?;
        let (base, labels) = match name.split_once('{') {
            Some((base, rest)) => (base, parse_labels(rest.strip_suffix('}').ok_or(Status::BadArgument)?, kind)?),
            None => (name, Vec::new()),
        };
        if base.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Status::BadArgument);
        }
        Ok(Self { family: family(base, kind), labels })
    }
}

fn family(base: &str, kind: MetricKind) -> String {
    let base: String = base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let suffix = if kind == MetricKind::Counter && !base.ends_with("_total") { "_total" } else { "" };
    format!("forebay_wasm_{base}{suffix}")
}

fn parse_labels(mut text: &str, kind: MetricKind) -> Result<Vec<(String, String)>, Status> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").ok_or(Status::BadArgument)?;
        let (value, rest) = parse_value(rest)?;
        labels.push((checked_label(name.trim(), kind)?.to_owned(), value));
        text = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.is_empty() => rest,
            None => return Err(Status::BadArgument),
        };
    }
    labels.sort();
    let twice = labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
    if twice { Err(Status::BadArgument) } else { Ok(labels) }
}

fn checked_label(name: &str, kind: MetricKind) -> Result<&str, Status> {
    let sound = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("__");
    let reserved = name == FILTER_LABEL || (kind == MetricKind::Histogram && name == "le");
    if sound && !reserved { Ok(name) } else { Err(Status::BadArgument) }
}

/// The value up to its closing quote, with Prometheus's three escapes undone, and what follows it.
fn parse_value(text: &str) -> Result<(String, &str), Status> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('"' | '\\'))) => c,
                _ => return Err(Status::BadArgument),
            }),
            c => value.push(c),
        }
    }
    Err(Status::BadArgument)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    fn parsed(name: &str, kind: MetricKind) -> Result<(String, Vec<(String, String)>), Status> {
        MetricName::parse(name.as_bytes(), kind).map(|name| (name.family, name.labels))
    }

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn names_become_families() {
        let cases = [
            ("hits", MetricKind::Counter, "forebay_wasm_hits_total"),
            ("hits_total", MetricKind::Counter, "forebay_wasm_hits_total"),
            ("my-filter.size/now", MetricKind::Gauge, "forebay_wasm_my_filter_size_now"),
            ("größe", MetricKind::Histogram, "forebay_wasm_gr__e"),
        ];
        for (name, kind, family) in cases {
            assert_eq!(parsed(name, kind), Ok((family.into(), Vec::new())), "{name}");
        }
    }

    #[test]
    fn labels_are_sorted_and_unescaped() {
        let expected = labels(&[("a", "x,y"), ("b", "\"\\\n")]);
        let name = r#"n{b="\"\\\n", a="x,y"}"#;
        assert_eq!(parsed(name, MetricKind::Gauge), Ok(("forebay_wasm_n".into(), expected)));
        assert_eq!(parsed("n{}", MetricKind::Gauge), Ok(("forebay_wasm_n".into(), Vec::new())));
    }

    #[test]
    fn names_that_cannot_be_exposed_are_refused() {
        let long = "n".repeat(NAME_BYTES_MAX + 1);
        let faulty = [
            "",
            "{a=\"b\"}",
            "n{",
            "n{a}",
            "n{a=\"b\"",
            "n{a=\"b}",
            "n{a=b}",
            "n{1a=\"b\"}",
            "n{=\"b\"}",
            "n{__a=\"b\"}",
            "n{a=\"b\" c=\"d\"}",
            "n{a=\"b\",a=\"c\"}",
            "n{filter=\"other\"}",
            "n{a=\"\\x\"}",
            &long,
        ];
        for name in faulty {
            assert_eq!(parsed(name, MetricKind::Counter), Err(Status::BadArgument), "{name}");
        }
        assert_eq!(parsed("n{le=\"1\"}", MetricKind::Histogram), Err(Status::BadArgument));
        assert!(parsed("n{le=\"1\"}", MetricKind::Gauge).is_ok());
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(name in ".{0,40}") {
            let _ = parsed(&name, MetricKind::Counter);
        }
    }
}
