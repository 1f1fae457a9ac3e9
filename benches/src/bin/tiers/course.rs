//! One server under the whole profile, in two halves: in the first the tiers fill, in the second they are full.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use forebay_benches::ask::Form;
use forebay_benches::connection::Answer;
use forebay_benches::load::Pace;
use forebay_benches::object::Nature;
use forebay_benches::origin::{Counts, Origin};
use forebay_benches::profile::{Extent, Profile};
use forebay_benches::server::{Server, TierHits};
use forebay_benches::times::Times;
use forebay_benches::verdict::{Tier, Verdict};
use forebay_benches::{cpu, holdings};

use crate::{Scale, load};

pub(super) struct Course {
    server: &'static str,
    filling: Half,
    full: Half,
    written: u64,
    memory: u64,
    on_disk: u64,
}

/// What half of the requests came to.
#[derive(Default)]
struct Half {
    requests: u64,
    bytes: u64,
    hits: u64,
    hit_bytes: u64,
    /// By the server's own account; nginx has none.
    tiers: Option<TierHits>,
    hit_times: Times,
    miss_times: Times,
    cpu: Duration,
    origin: Counts,
}

pub(super) fn run(server: &Server, origin: &Origin, scale: Scale) -> Result<Course> {
    let mut profile = Profile::new(extent(scale));
    let written = holdings::written(server.pid())?;
    let filling = half(server, origin, &mut profile, scale)?;
    let full = half(server, origin, &mut profile, scale)?;
    Ok(Course {
        server: server.kind.name(),
        filling,
        full,
        written: holdings::written(server.pid())? - written,
        memory: holdings::memory(server.pid())?,
        on_disk: holdings::on_disk(server.folder()),
    })
}

fn extent(scale: Scale) -> Extent {
    Extent { divisor: scale.divisor, per_minute: 60 * scale.per_second as usize / scale.divisor }
}

fn half(server: &Server, origin: &Origin, profile: &mut Profile, scale: Scale) -> Result<Half> {
    let (cpu, counts, tiers) = (cpu::used(server.pid())?, origin.counts(), server.tier_hits()?);
    let mut half = Half::default();
    let mut said = TierHits::default();
    let load = load(server, Pace::PerSecond(scale.per_second));
    let done = load.run(profile.asks(scale.bytes / 2), |_, answer, took| {
        half.see(answer, took);
        match answer.verdict {
            Verdict::Hit(Tier::Memory) => said.memory += 1,
            Verdict::Hit(Tier::Disk) => said.disk += 1,
            _ => {}
        }
    });
    half.requests = done.with_context(|| server.kind.name())?.requests;
    half.cpu = cpu::used(server.pid())? - cpu;
    half.origin = origin.counts() - counts;
    let counted = server.tier_hits()?.zip(tiers).map(|(now, before)| now - before);
    half.tiers = counted.or((said.memory + said.disk > 0).then_some(said));
    Ok(half)
}

impl Half {
    fn see(&mut self, answer: Answer, took: Duration) {
        self.bytes += answer.body_bytes as u64;
        if let Verdict::Hit(_) = answer.verdict {
            self.hits += 1;
            self.hit_bytes += answer.body_bytes as u64;
            self.hit_times.add(took);
        } else {
            self.miss_times.add(took);
        }
    }
}

/// What is asked for, in numbers.
pub(super) fn describe(scale: Scale) -> String {
    let mut profile = Profile::new(extent(scale));
    let (mut seen, mut requests, mut bytes, mut distinct_bytes) = (HashSet::new(), 0_u64, 0_u64, 0_u64);
    let mut again = 0;
    for ask in profile.asks(scale.bytes) {
        requests += 1;
        bytes += if ask.form == Form::Get { ask.object.bytes as u64 } else { 0 };
        if seen.insert(ask.etag()) {
            distinct_bytes += ask.object.bytes as u64;
        } else if ask.object.nature != Nature::Private {
            again += 1;
        }
    }
    let disk = scale.room.disk_bytes.unwrap_or_default();
    format!(
        "{requests} requests at {} a second, {:.1} GiB of bodies; {} different ones with {:.1} GiB, so that a cache without \
         bounds and lifetimes would answer {:.1} %. Memory tier {} MiB, disk tier {} MiB.",
        scale.per_second,
        gib(bytes),
        seen.len(),
        gib(distinct_bytes),
        100.0 * f64::from(again) / requests as f64,
        scale.room.memory_bytes >> 20,
        disk >> 20,
    )
}

pub(super) fn render(courses: &[Course]) -> String {
    let mut text = String::from(
        "### the profile: hits\n\n| server | hit ratio while the disk fills | once it is full | of bytes | of these hits, \
         memory and disk | origin requests | of them 304 |\n|---|---|---|---|---|---|---|\n",
    );
    for Course { server, filling, full, .. } in courses {
        let tiers = full.tiers.map_or("-".to_owned(), |tiers| {
            let share = |hits: u64| percent(hits, tiers.memory + tiers.disk);
            format!("{}, {}", share(tiers.memory), share(tiers.disk))
        });
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "| {server} | {} | {} | {} | {tiers} | {} | {} |",
            percent(filling.hits, filling.requests),
            percent(full.hits, full.requests),
            percent(full.hit_bytes, full.bytes),
            full.origin.requests,
            full.origin.not_modified,
        );
    }
    text += "\n### the profile: costs\n\n| server | CPU per request, µs | hit p50, p99, p99.9 µs | miss p50, p99, p99.9 µs | \
             written per byte stored | MiB on disk | MiB of memory |\n|---|---|---|---|---|---|---|\n";
    for course in courses {
        let Course { server, filling, full, .. } = course;
        let stored = filling.origin.storable_bytes + full.origin.storable_bytes;
        _ = writeln!(
            text,
            "| {server} | {:.1} | {} | {} | {:.2} | {} | {} |",
            full.cpu.as_secs_f64() * 1e6 / full.requests as f64,
            quantiles(&full.hit_times),
            quantiles(&full.miss_times),
            course.written as f64 / stored as f64,
            course.on_disk >> 20,
            course.memory >> 20,
        );
    }
    text
}

fn quantiles(times: &Times) -> String {
    [0.5, 0.99, 0.999].map(|share| times.quantile(share).to_string()).join(", ")
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / (1_u64 << 30) as f64
}
