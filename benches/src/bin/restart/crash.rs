//! One crash: what clients saw of it, how soon the server was back, and what it had lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use forebay_benches::cpu::children;
use forebay_benches::server::{Kind, Server};

use crate::clients::{Clients, End, Event};

/// The load before the kill, and after the start.
const AROUND: Duration = Duration::from_secs(2);
/// Between two looks whether the index is whole.
const LOOK: Duration = Duration::from_millis(5);
/// By then nginx has started its cache loader, which ends when it has loaded all.
const NGINX_FORKS: Duration = Duration::from_secs(1);
/// Asked for by nobody before.
const FIRST_NEW: u32 = 100_000_000;
/// More new objects than a crash needs.
const NEW_PER_CRASH: u32 = 1_000_000;

/// Later than any run ends.
const NEVER: Duration = Duration::from_secs(86_400);

/// How long to wait for the whole index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Short,
    /// nginx begins to load a minute after the start and takes its time.
    Whole,
}

pub(super) struct Crash {
    /// From the start of the new process.
    first_answer: Option<Duration>,
    first_hit: Option<Duration>,
    /// `None`: not within the patience.
    whole: Option<Duration>,
    /// Requests that were under way when it was killed.
    broken: usize,
    /// Requests that failed after the first answer of the new process.
    later_errors: usize,
    wrong: usize,
    lost: usize,
}

pub(super) const HEAD: &str = "\
| server | first answer after the start, ms | first hit from disk, ms | whole index, s | requests broken by the kill | \
errors after the first answer | wrong bodies | stored objects lost |\n|---|---|---|---|---|---|---|---|\n";

pub(super) fn run(server: &mut Server, stored: u32, patience: Patience) -> Result<Crash> {
    let first_new = FIRST_NEW + NEW_PER_CRASH * server.starts();
    let clients = Clients::start(server.address, server.kind.reader(), stored, first_new);
    std::thread::sleep(AROUND);
    let killed = Instant::now();
    server.kill()?;
    let start = server.start_again()?;
    let whole = wait(server, start, patience);
    std::thread::sleep(AROUND.saturating_sub(start.elapsed()));
    let events = clients.stop()?;
    let after: Vec<Event> = events.into_iter().filter(|event| event.at >= killed).collect();
    let mut lost: HashSet<u32> = missed(&after, start).filter(|&object| object < stored).collect();
    lost.extend(crate::ask_all(server, stored)?);
    Ok(Crash { whole, lost: lost.len(), ..Crash::read(&after, start) })
}

fn wait(server: &Server, start: Instant, patience: Patience) -> Option<Duration> {
    let most = Duration::from_secs(if patience == Patience::Whole { 240 } else { 2 });
    while start.elapsed() < most {
        if is_whole(server, start.elapsed()) {
            return Some(start.elapsed());
        }
        std::thread::sleep(LOOK);
    }
    None
}

/// Whether the server knows all that it has on disk.
fn is_whole(server: &Server, up: Duration) -> bool {
    match server.kind {
        Kind::Nginx | Kind::NginxOpenFiles => up > NGINX_FORKS && !children(server.pid()).into_iter().any(is_loader),
        // It reads its directory whole before it uses it.
        Kind::TrafficServer => server.has_cache(),
        _ => server.metric("forebay_disk_state", &["state=\"ok\""]).is_ok_and(|is| is > 0.0),
    }
}

fn is_loader(pid: u32) -> bool {
    let title = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
    title.is_ok_and(|title| title.contains("cache loader"))
}

fn missed(events: &[Event], start: Instant) -> impl Iterator<Item = u32> {
    events.iter().filter(move |event| event.began >= start && event.end == End::Other).map(|event| event.object)
}

impl Crash {
    fn read(events: &[Event], start: Instant) -> Self {
        let first = |is: fn(End) -> bool| {
            // Answers of the old process may still be read after the new one's start.
            let after = |event: &&Event| event.began >= start && is(event.end);
            events.iter().find(after).map(|event| event.at - start)
        };
        let first_answer = first(|end| matches!(end, End::Hit | End::Other));
        let back = start + first_answer.unwrap_or(NEVER);
        let is_error = |event: &&Event| matches!(event.end, End::Broken | End::Refused);
        Self {
            first_answer,
            first_hit: first(|end| end == End::Hit),
            whole: None,
            broken: events.iter().filter(|event| event.end == End::Broken && event.began < back).count(),
            later_errors: events.iter().filter(|event| event.began >= back).filter(is_error).count(),
            wrong: events.iter().filter(|event| event.end == End::Wrong).count(),
            lost: 0,
        }
    }
}

pub(super) fn row(name: &str, crashes: &[Crash]) -> String {
    let millis = |time: fn(&Crash) -> Option<Duration>| {
        spread(crashes.iter().map(|crash| time(crash).map_or(f64::INFINITY, |time| time.as_secs_f64() * 1e3)))
    };
    let count = |of: fn(&Crash) -> usize| {
        let (low, high) = (crashes.iter().map(of).min(), crashes.iter().map(of).max());
        format!("{} to {}", low.unwrap_or(0), high.unwrap_or(0))
    };
    let whole = crashes.iter().filter_map(|crash| crash.whole).max();
    let whole = whole.map_or("-".to_owned(), |whole| format!("{:.3}", whole.as_secs_f64()));
    format!(
        "| {name} | {} | {} | {whole} | {} | {} | {} | {} |\n",
        millis(|crash| crash.first_answer),
        millis(|crash| crash.first_hit),
        count(|crash| crash.broken),
        count(|crash| crash.later_errors),
        count(|crash| crash.wrong),
        count(|crash| crash.lost),
    )
}

/// The median, and in parentheses the lowest and the highest.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    format!("{:.0} ({low:.0} to {high:.0})", values[values.len() / 2])
}
