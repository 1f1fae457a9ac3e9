//! `forebay filter replay`: recorded exchanges run again.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use super::arguments;
use super::stand::limits;
use crate::filter::{Replay, Report};

/// Exit 0 where nothing differs, 1 where something does.
pub(super) fn replay(options: &arguments::Replay) -> anyhow::Result<ExitCode> {
    let replay = Replay::open(&options.file, &options.trace, &limits()?)?;
    let report = if options.diff { replay.other() } else { replay.same()? };
    std::io::stdout().lock().write_all(told(&replay, &report, options.diff.into()).as_bytes())?;
    Ok(if report.differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a replay asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Same,
    Decisions,
}

impl From<bool> for Question {
    fn from(diff: bool) -> Self {
        if diff { Self::Decisions } else { Self::Same }
    }
}

fn told(replay: &Replay, report: &Report, question: Question) -> String {
    let mut text = String::new();
    for differing in &report.differing {
        let _ = writeln!(text, "exchange {}  {}  {}", differing.number, differing.request, differing.request_id);
        for difference in &differing.differences {
            let _ = writeln!(text, "    {}, {}", difference.place, difference.what);
            let _ = writeln!(text, "        recorded  {}", difference.expected);
            let _ = writeln!(text, "        now       {}", difference.found);
        }
    }
    let Report { exchanges, foreign, left_out, differing } = report;
    let same = exchanges - differing.len();
    let verb = match question {
        Question::Same => "run the same again",
        Question::Decisions => "decide the same",
    };
    let _ = write!(text, "{}: {same} of {exchanges} exchanges {verb}", replay.filter());
    if *foreign > 0 {
        let _ = write!(text, "; {foreign} of other builds not run");
    }
    if *left_out > 0 {
        let _ = write!(text, "; {left_out} were left out when it was recorded");
    }
    text.push('\n');
    text
}
