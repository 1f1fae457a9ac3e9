//! `forebay filter bench`: what a filter costs, beside the limits it is held to.
//!
//! Times of callbacks are processor time of this thread, the mean of a batch of exchanges; the least and the median of
//! many batches are told. Nobody hears the filter's log meanwhile, so that its lines cost nothing but their making.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::time::{ClockId, clock_gettime};

use super::answer::{Answer, Scripted};
use super::arguments::Bench;
use super::cases::{Cases, Given, Settings};
use super::check::bytes;
use super::exchange::Phase;
use super::setup::Setup;
use super::stand::{Stand, limits};
use crate::config::FilterLimits;
use crate::filter::{Chain, Inspection};

/// Exchanges of one batch: long enough that the clock's own cost is known to a nanosecond, short enough that most batches
/// are not interrupted.
const BATCH: u32 = 200;
/// Batches before the first that counts.
const WARM_UP: u16 = 5;
const STARTS: u32 = 50;

/// What is measured.
struct Exchange {
    name: String,
    setup: Setup,
    request: Given,
    answer: Answer,
    calls: Vec<Scripted>,
}

/// One batch: the mean of each phase, and of the whole without a clock in between.
#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    request: Duration,
    request_body: Duration,
    response: Duration,
    response_body: Duration,
    end: Duration,
    whole: Duration,
}

/// Prints a table; an error where the filter does not load or fails.
pub(super) fn bench(options: &Bench) -> anyhow::Result<ExitCode> {
    let exchange = exchange(options)?;
    let limits = limits()?;
    let inspection = Inspection::of(&options.file, &limits)?;
    let stand = Stand::load(&options.file, &exchange.setup)?;
    let mut batches = Vec::new();
    for round in 0..options.rounds + WARM_UP {
        let batch = batch(&stand, &exchange)?;
        if round >= WARM_UP {
            batches.push(batch);
        }
    }
    let mut out = std::io::stdout().lock();
    let rounds = options.rounds;
    writeln!(out, "{}, {}: {rounds} rounds of {BATCH} exchanges\n", options.file.display(), exchange.name)?;
    out.write_all(times(&batches, &limits).as_bytes())?;
    out.write_all(sizes(&stand, &inspection, &limits)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn exchange(options: &Bench) -> anyhow::Result<Exchange> {
    let base = match options.settings.as_deref().map(Settings::read).transpose() {
        Ok(settings) => settings,
        Err(faults) => bail!("{faults}"),
    };
    let Some(named) = &options.case else {
        let settings = base.map(|settings| settings.text()).unwrap_or_default();
        return Ok(Exchange {
            name: "a plain GET".to_owned(),
            setup: Setup::new(settings),
            request: Given::default(),
            answer: Answer::default(),
            calls: Vec::new(),
        });
    };
    let (file, name) = named.split_once('#').map_or((named.as_str(), None), |(file, name)| (file, Some(name)));
    let mut cases = match Cases::read(Path::new(file)) {
        Ok(cases) => cases,
        Err(faults) => bail!("{faults}"),
    };
    let index = match name {
        None => 0,
        Some(name) => match cases.cases.iter().position(|case| case.name == name) {
            Some(index) => index,
            None => bail!("{file} has no case {name:?}"),
        },
    };
    let setup = cases.setup_of(&cases.cases[index], base.as_ref());
    let calls = cases.calls_of(&cases.cases[index]).to_vec();
    let case = cases.cases.swap_remove(index);
    Ok(Exchange { name: format!("{:?}", case.name), setup, request: case.request, answer: case.origin, calls })
}

fn batch(stand: &Stand, Exchange { request, answer, calls, .. }: &Exchange) -> anyhow::Result<Batch> {
    let mut sums = Batch::default();
    let reading = cost_of_reading();
    for _ in 0..BATCH {
        let messages = (stand.visit(request)?, answer.message());
        let mut since = processor_time();
        stand.pass(messages, calls, |phase| {
            let now = processor_time();
            let spent = now.saturating_sub(since).saturating_sub(reading);
            match phase {
                Phase::Request => sums.request += spent,
                Phase::RequestBody => sums.request_body += spent,
                Phase::Response => sums.response += spent,
                Phase::ResponseBody => sums.response_body += spent,
                Phase::End => sums.end += spent,
            }
            since = processor_time();
        })?;
    }
    let prepare = |_| stand.visit(request).map(|visit| (visit, answer.message()));
    let prepared = (0..BATCH).map(prepare).collect::<Result<Vec<_>, _>>()?;
    let begun = processor_time();
    for messages in prepared {
        stand.pass(messages, calls, |_| {})?;
    }
    let whole = processor_time().saturating_sub(begun);
    Ok(Batch {
        request: sums.request / BATCH,
        request_body: sums.request_body / BATCH,
        response: sums.response / BATCH,
        response_body: sums.response_body / BATCH,
        end: sums.end / BATCH,
        whole: whole / BATCH,
    })
}

/// What the thread has computed so far.
fn processor_time() -> Duration {
    // The kernel gives no negative processor time.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// What lies between two readings without anything in between.
fn cost_of_reading() -> Duration {
    let begun = processor_time();
    let last = (0..BATCH).fold(begun, |_, _| processor_time());
    last.saturating_sub(begun) / BATCH
}

fn times(batches: &[Batch], limits: &FilterLimits) -> String {
    let row = |name: &str, limit: &str, of: fn(&Batch) -> Duration| {
        let mut times: Vec<Duration> = batches.iter().map(of).collect();
        times.sort();
        let (least, median) = (times.first().copied(), times.get(times.len() / 2).copied());
        let shown = |time: Option<Duration>| micros(time.unwrap_or_default());
        format!("{name:<26}{:>12}{:>12}   {limit}\n", shown(least), shown(median))
    };
    let deadline = format!("{:?}", limits.callback_deadline);
    let head = format!("{:<26}{:>12}{:>12}   {}\n", "processor time", "least", "median", "limit");
    head + &row("request headers", &deadline, |batch| batch.request)
        + &row("request body", &deadline, |batch| batch.request_body)
        + &row("response headers", &deadline, |batch| batch.response)
        + &row("response body", &deadline, |batch| batch.response_body)
        + &row("log, done, delete", &deadline, |batch| batch.end)
        + &row("whole exchange", "", |batch| batch.whole)
}

fn sizes(stand: &Stand, inspection: &Inspection, limits: &FilterLimits) -> anyhow::Result<String> {
    // Before other instances are started: it is of the one that has served.
    let pages = stand.pages_written().map_or("a new guest".to_owned(), |pages| pages.to_string());
    let mut memory = 0;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let Some(bytes) = stand.start_anew() else { bail!("it started once and does not start again") };
        starts.push(begun.elapsed());
        memory = bytes;
    }
    starts.sort();
    let median = starts.get(starts.len() / 2).copied();
    let row = |name: &str, found: String, limit: String| format!("{name:<38}{found:>12}   {limit}\n");
    let start = micros(median.unwrap_or_default());
    let compile = format!("{:.1} ms", inspection.compile_time.as_secs_f64() * 1e3);
    Ok("\n".to_owned()
        + &row("start of an instance", start, format!("{:?} each step", limits.configure_deadline))
        + &row("memory of an instance", bytes(memory), bytes(limits.memory_bytes_max))
        + &row("pages written by an exchange", pages, format!("{}", Chain::PAGES_KEPT_MAX))
        + &row("module", bytes(inspection.bytes), bytes(limits.module_bytes_max))
        + &row("compiled in", compile, String::new()))
}

fn micros(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}
