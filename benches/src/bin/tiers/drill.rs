//! Answers of one kind at a time, all servers in turns: what a miss costs, a hit in memory, a hit on disk.
//!
//! Each round's objects are new to the servers: asking for them once is all misses. A hit on disk is the first one after
//! the server was started again, when its memory tier is empty; the kernel still has the pages, or it does not.
//! Costs are those of a busy core: connections ask as fast as they are answered. Times are those of a quiet one: they ask
//! at a pace that every server keeps up with.

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use forebay_benches::ask::{Ask, Form};
use forebay_benches::cpu;
use forebay_benches::load::{Done, Pace, Script};
use forebay_benches::mix::Mix;
use forebay_benches::object::{DAY_SECONDS, Nature, Object, Variant};
use forebay_benches::profile;
use forebay_benches::server::{Server, TierHits};
use forebay_benches::table::{Row, Sample};
use forebay_benches::times::Times;
use forebay_benches::verdict::{Tier, Verdict};

use crate::{Scale, load};

const ROUNDS: u32 = 3;
const MEMORY_ROUND: Duration = Duration::from_secs(3);
const QUIET_PACE: Pace = Pace::PerSecond(2_000);
const QUIET_ROUND: Duration = Duration::from_secs(2);
/// One object in so many is asked for at the quiet pace.
const QUIET_SHARE: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const HOT_REQUESTS: usize = 1 << 15;
/// No object of the profile has such a number.
const FIRST_NUMBER: u32 = 100_000_000;
const SHUFFLE_SEED: u64 = 0x5ca1e;

/// What all answers are meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Misses,
    Memory,
    /// The pages are in the kernel's memory.
    Disk,
    /// They are not.
    ColdDisk,
}

/// One kind of answers of all servers.
struct Drill {
    answers: Answers,
    rows: Vec<Line>,
}

struct Line {
    row: Row,
    times: Times,
    requests: u64,
    strays: u64,
}

/// One table for each kind of answers.
pub(super) fn run(servers: &mut [Server], scale: Scale) -> Result<Vec<String>> {
    let [mut misses, mut memory, mut disk, mut cold] =
        [Answers::Misses, Answers::Memory, Answers::Disk, Answers::ColdDisk]
            .map(|answers| Drill::new(answers, servers));
    for round in 0..ROUNDS {
        misses.round(servers, &|_| Ok(batch(round, scale)))?;
    }
    let hot = Script::new(&Mix::zipf(scale.hot, HOT_REQUESTS));
    for server in servers.iter() {
        hot.fill(&load(server, Pace::Closed))?;
        hot.run(&load(server, Pace::Closed), WARM_UP)?;
    }
    for _ in 0..ROUNDS {
        memory.hot_round(servers, &hot)?;
    }
    for server in servers.iter_mut() {
        server.stop()?;
        server.start_again()?;
        server.wait()?;
    }
    let rounds: Vec<_> = (0..ROUNDS).map(|round| halves(batch(round, scale))).collect();
    for (warm, _) in &rounds {
        disk.round(servers, &|_| Ok(warm.clone()))?;
    }
    // After these the pages of all are gone.
    for (_, rest) in &rounds {
        cold.round(servers, &|server| forget_pages().with_context(|| server.kind.name()).map(|()| rest.clone()))?;
    }
    Ok([misses, memory, disk, cold].iter().map(Drill::render).collect())
}

/// Objects of the profile's sizes, all to be stored for a day, in an order of their own.
fn batch(round: u32, scale: Scale) -> Vec<Rc<Ask>> {
    let first = FIRST_NUMBER + round * scale.batch;
    let object = |number| Object { nature: Nature::Plain, lifetime_seconds: DAY_SECONDS, ..profile::object(number) };
    let ask = |number| Rc::new(Ask::new(object(number), Form::Get, Variant::Brotli));
    (first..first + scale.batch).map(ask).collect()
}

/// Both mixed: neighbours on disk are not asked for one after the other.
fn halves(mut asks: Vec<Rc<Ask>>) -> (Vec<Rc<Ask>>, Vec<Rc<Ask>>) {
    fastrand::Rng::with_seed(SHUFFLE_SEED).shuffle(&mut asks);
    let rest = asks.split_off(asks.len() / 2);
    (asks, rest)
}

/// Makes the kernel write what is to be written, and give up all pages of files.
fn forget_pages() -> Result<()> {
    ensure!(Command::new("sync").status()?.success(), "sync failed");
    std::fs::write("/proc/sys/vm/drop_caches", "1").context("only root may drop the kernel's pages")
}

impl Answers {
    fn title(self) -> &'static str {
        match self {
            Self::Misses => "misses",
            Self::Memory => "hits in memory",
            Self::Disk => "hits on disk, the kernel has the pages",
            Self::ColdDisk => "hits on disk, the kernel does not have the pages",
        }
    }

    /// Answers that were meant to be these, as far as the server tells.
    fn among(self, seen: &Seen, counted: Option<TierHits>) -> u64 {
        let TierHits { memory, disk } = counted.unwrap_or(seen.tiers);
        let unsaid = if counted.is_some() { 0 } else { seen.unsaid };
        match self {
            Self::Misses => seen.misses,
            Self::Memory => memory + unsaid,
            Self::Disk | Self::ColdDisk => disk + unsaid,
        }
    }
}

/// What the answers said they were.
#[derive(Default)]
struct Seen {
    misses: u64,
    unsaid: u64,
    tiers: TierHits,
    times: Times,
}

impl Seen {
    fn see(&mut self, verdict: Verdict, took: Duration) {
        self.times.add(took);
        match verdict {
            Verdict::Hit(Tier::Memory) => self.tiers.memory += 1,
            Verdict::Hit(Tier::Disk) => self.tiers.disk += 1,
            Verdict::Hit(Tier::Unsaid) => self.unsaid += 1,
            Verdict::Revalidated | Verdict::Miss => self.misses += 1,
        }
    }
}

impl Drill {
    fn new(answers: Answers, servers: &[Server]) -> Self {
        let line = |server: &Server| Line {
            row: Row { server: server.kind.name(), samples: Vec::new() },
            times: Times::default(),
            requests: 0,
            strays: 0,
        };
        Self { answers, rows: servers.iter().map(line).collect() }
    }

    /// Every server is asked for the same, once.
    fn round(&mut self, servers: &[Server], asks: &dyn Fn(&Server) -> Result<Vec<Rc<Ask>>>) -> Result<()> {
        for (server, line) in servers.iter().zip(&mut self.rows) {
            let mut busy = asks(server)?;
            let quiet = busy.split_off(busy.len() - busy.len() / QUIET_SHARE);
            for (asks, pace) in [(busy, Pace::Closed), (quiet, QUIET_PACE)] {
                line.measure(self.answers, server, pace, |seen| {
                    load(server, pace).run(asks.into_iter(), |_, answer, took| seen.see(answer.verdict, took))
                })?;
            }
        }
        Ok(())
    }

    fn hot_round(&mut self, servers: &[Server], hot: &Script) -> Result<()> {
        for (server, line) in servers.iter().zip(&mut self.rows) {
            for (pace, duration) in [(Pace::Closed, MEMORY_ROUND), (QUIET_PACE, QUIET_ROUND)] {
                line.measure(self.answers, server, pace, |seen| {
                    hot.watch(&load(server, pace), duration, |_, answer, took| seen.see(answer.verdict, took))
                })?;
            }
        }
        Ok(())
    }

    fn render(&self) -> String {
        let base = self.rows.first().map_or(1.0, |line| line.row.cost());
        let head = format!(
            "### {}\n\n| server | CPU per request, µs (lowest to highest run) | to the first row | requests/s | p50 µs | p99 µs | \
             other answers |\n|---|---|---|---|---|---|---|\n",
            self.answers.title()
        );
        let row = |Line { row, times, requests, strays }: &Line| {
            let ((low, high), cost) = (row.spread(), row.cost());
            format!(
                "| {} | {cost:.1} ({low:.1} to {high:.1}) | {:.2} | {:.0} | {} | {} | {strays} of {requests} |\n",
                row.server,
                cost / base,
                row.rate(),
                times.quantile(0.5),
                times.quantile(0.99),
            )
        };
        head + &self.rows.iter().map(row).collect::<String>()
    }
}

impl Line {
    fn measure(
        &mut self,
        answers: Answers,
        server: &Server,
        pace: Pace,
        run: impl FnOnce(&mut Seen) -> Result<Done>,
    ) -> Result<()> {
        let (cpu, tiers) = (cpu::used(server.pid())?, server.tier_hits()?);
        let mut seen = Seen::default();
        let done = run(&mut seen).with_context(|| format!("{}: {}", server.kind.name(), answers.title()))?;
        let cpu = cpu::used(server.pid())? - cpu;
        let counted = server.tier_hits()?.zip(tiers).map(|(now, before)| now - before);
        self.strays += done.requests.saturating_sub(answers.among(&seen, counted));
        self.requests += done.requests;
        match pace {
            Pace::Closed => self.row.samples.push(Sample { cpu, requests: done.requests, elapsed: done.elapsed }),
            Pace::PerSecond(_) => self.times.join(&seen.times),
        }
        Ok(())
    }
}
