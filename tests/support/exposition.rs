//! A scrape: the text that `/metrics` answers, read so that a test can ask for a number.

use std::collections::{BTreeMap, BTreeSet};

/// One scrape.
#[derive(Debug, Clone)]
pub struct Exposition {
    samples: Vec<Sample>,
    kinds: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Exposition {
    /// Fails the test where a line is not of the Prometheus text format.
    pub fn parse(text: &str) -> Self {
        let mut found = Self { samples: Vec::new(), kinds: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                let mut words = comment.split_whitespace();
                if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) {
                    found.kinds.insert(name.to_owned(), kind.to_owned());
                }
            } else {
                found.samples.push(Sample::parse(line).unwrap_or_else(|| panic!("no sample: {line:?}")));
            }
        }
        found
    }

    /// The sum of all series of this name that have these labels. Fails the test where `find` finds nothing.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("no metric {name} with the labels of {labels:?}"))
    }

    /// The same. 0 where there is the metric and none of its series has these values, which have not come up yet; `None`
    /// where it is not there at all, or has no such labels: a name that is misspelt would otherwise be 0 for ever.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let series: Vec<&Sample> = self.samples.iter().filter(|sample| sample.name == name).collect();
        let known = |(label, _): &(&str, &str)| series.iter().any(|sample| sample.labels.contains_key(*label));
        let has = |sample: &&&Sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        };
        let found = !series.is_empty() && labels.iter().all(known);
        found.then(|| series.iter().filter(has).map(|sample| sample.value).sum())
    }

    /// `kind name label ..` of every family with a sample, as the golden list writes it; labels sorted, without the
    /// histogram's own `le`.
    pub fn families(&self) -> BTreeSet<String> {
        let family = |sample: &Sample| {
            let (name, kind) = self.family(&sample.name);
            let labels = sample.labels.keys().filter(|label| *label != "le").cloned();
            [vec![kind, name], labels.collect()].concat().join(" ")
        };
        self.samples.iter().map(family).collect()
    }

    /// A histogram's series carry its name with an ending.
    fn family(&self, series: &str) -> (String, String) {
        let ends = ["", "_bucket", "_sum", "_count"];
        let names = ends.iter().filter_map(|end| series.strip_suffix(end));
        let known = names.filter_map(|name| self.kinds.get(name).map(|kind| (name.to_owned(), kind.clone()))).next();
        known.unwrap_or_else(|| (series.to_owned(), "untyped".to_owned()))
    }
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let value = value.parse().ok()?;
        let Some((name, labels)) = series.split_once('{') else {
            return Some(Self { name: series.to_owned(), labels: BTreeMap::new(), value });
        };
        let mut rest = labels.strip_suffix('}')?;
        let mut labels = BTreeMap::new();
        while let Some((label, after)) = rest.split_once("=\"") {
            let end = end_of_string(after)?;
            let text = after[..end].replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\");
            labels.insert(label.trim_start_matches(',').to_owned(), text);
            rest = &after[end + 1..];
        }
        Some(Self { name: name.to_owned(), labels, value })
    }
}

/// The first quote that no backslash escapes.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "\
# HELP a_total Things.
# TYPE a_total counter
a_total{code=\"200\",route=\"x, \\\"y\\\"=z\"} 3
a_total{code=\"404\",route=\"b\"} 4
# TYPE b gauge
b 1.5
# TYPE c_seconds histogram
c_seconds_bucket{route=\"b\",le=\"+Inf\"} 2
c_seconds_sum{route=\"b\"} 0.25
c_seconds_count{route=\"b\"} 2
";

    #[test]
    fn values_are_summed_over_the_labels_not_named() {
        let scrape = Exposition::parse(SCRAPE);
        assert_eq!(scrape.value("a_total", &[]), 7.0);
        assert_eq!(scrape.value("a_total", &[("code", "404")]), 4.0);
        assert_eq!(scrape.value("a_total", &[("route", "x, \"y\"=z"), ("code", "200")]), 3.0);
        assert_eq!(scrape.value("b", &[]), 1.5);
        assert_eq!(scrape.value("a_total", &[("code", "500")]), 0.0);
    }

    #[test]
    fn a_name_that_nothing_has_is_not_nought() {
        let scrape = Exposition::parse(SCRAPE);
        for (name, labels) in [("gone", &[][..]), ("a_total", &[("kode", "404")]), ("b", &[("code", "404")])] {
            assert_eq!(scrape.find(name, labels), None, "{name}{labels:?}");
        }
    }

    #[test]
    fn families_read_like_the_golden_list() {
        let families: Vec<String> = Exposition::parse(SCRAPE).families().into_iter().collect();
        assert_eq!(families, ["counter a_total code route", "gauge b", "histogram c_seconds route"]);
    }
}
