//! The result as a Markdown table, with what is needed to repeat it.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One measured run.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub cpu: Duration,
    pub requests: u64,
    pub elapsed: Duration,
}

/// All runs of one server under one workload.
#[derive(Debug, Clone)]
pub struct Row {
    pub server: &'static str,
    pub samples: Vec<Sample>,
}

impl Row {
    /// Processor microseconds per request: the median of the runs.
    pub fn cost(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.cpu.as_secs_f64() * 1e6 / sample.requests as f64))
    }

    /// Requests per second: the median of the runs.
    pub fn rate(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.requests as f64 / sample.elapsed.as_secs_f64()))
    }

    /// The lowest and the highest cost of all runs.
    pub fn spread(&self) -> (f64, f64) {
        let costs = self.samples.iter().map(|sample| sample.cpu.as_secs_f64() * 1e6 / sample.requests as f64);
        costs.fold((f64::MAX, 0.0), |(low, high), cost| (f64::min(low, cost), f64::max(high, cost)))
    }
}

/// The first row is what the others are compared with.
pub fn render(title: &str, rows: &[Row]) -> String {
    let base = rows.first().map_or(1.0, Row::cost);
    let mut text = format!(
        "### {title}\n\n| server | CPU per request, µs (lowest to highest run) | to the first row | requests/s |\n\
         |---|---|---|---|\n"
    );
    for row in rows {
        let (low, high) = row.spread();
        let (cost, rate) = (row.cost(), row.rate());
        let line = format!("| {} | {cost:.2} ({low:.2} to {high:.2}) | {:.2} | {rate:.0} |", row.server, cost / base);
        // Writing to a string cannot fail.
        _ = writeln!(text, "{line}");
    }
    text
}

/// Processor, kernel, and the versions of what was compared.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let nginx = said("/usr/sbin/nginx", "-v").replace("nginx version: ", "");
    let date = said("date", "+%F");
    format!("{date}, {model}, {cores} cores, Linux {}, {nginx}", kernel.trim())
}

/// The version of Traffic Server.
pub fn traffic_server() -> String {
    let said = said("/usr/bin/traffic_server", "--version");
    said.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The version of Envoy, from the build's long name.
pub fn envoy(program: &Path) -> String {
    let said = said(program, "--version");
    let version =
        said.split('/').find(|part| part.starts_with(|first: char| first.is_ascii_digit()) && part.contains('.'));
    format!("Envoy {}", version.unwrap_or("of unknown version"))
}

/// The median, and in parentheses the lowest and the highest.
pub fn spread(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(*one), high.max(*one)));
    format!("{:.2} ({low:.2} to {high:.2})", median(values.into_iter()))
}

/// What a program says to one argument, on either stream.
fn said(program: impl AsRef<Path>, argument: &str) -> String {
    let output = Command::new(program.as_ref()).arg(argument).output();
    let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// The middle one of all; the higher of two.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(server: &'static str, micros: &[u64]) -> Row {
        let sample = |&micros: &u64| Sample {
            cpu: Duration::from_micros(micros * 1_000),
            requests: 1_000,
            elapsed: Duration::from_secs(1),
        };
        Row { server, samples: micros.iter().map(sample).collect() }
    }

    #[test]
    fn rows_show_medians_and_the_ratio_to_the_first() {
        let text = render("hot", &[row("a", &[20, 40, 21]), row("b", &[10, 11, 14])]);
        assert!(text.contains("| a | 21.00 (20.00 to 40.00) | 1.00 | 1000 |"), "{text}");
        assert!(text.contains("| b | 11.00 (10.00 to 14.00) | 0.52 | 1000 |"), "{text}");
    }
}
