//! Filters that trap, loop and hoard, beside one that is well: what its requests notice, and what the node keeps of it.
//!
//! ```text
//! cargo build --release -p forebay -p forebay-benches && target/release/hostile [ROUNDS [MILLIONS]]
//! ```
//!
//! One worker on core 0, the load on core 1. First times: requests through a header filter at a steady pace, among which
//! one in a hundred goes to a route whose filter misbehaves; all kinds of company take turns, round after round. Then
//! memory: MILLIONS of requests as fast as they are answered, through filters of every kind. Breakers are off: they would
//! spare the node the bad company. Prints Markdown for RESULTS.md.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use forebay_benches::ask::Ask;
use forebay_benches::chain;
use forebay_benches::guest::Guest;
use forebay_benches::load::{Load, Pace};
use forebay_benches::object::Object;
use forebay_benches::origin::Origin;
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::times::Times;
use forebay_benches::{cpu, holdings, table};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 7;
const MILLIONS: u64 = 10;
const ROUND: Duration = Duration::from_secs(10);
/// Requests a second while times are taken: one in a hundred that takes its whole deadline is a tenth of the core.
const PACE: u32 = 1_000;
/// One request in so many is the bad company's.
const COMPANY_EVERY: usize = 100;
/// In the long run, so that it does not take a day: so many are, each kind a third of them.
const LONG_RUN_COMPANY_EVERY: usize = 500;
const MILLION: u64 = 1_000_000;

/// Where the filters are found: each on a host of its own.
struct Hosts {
    good: [Rc<Ask>; 3],
    bad: [Rc<Ask>; Guest::HOSTILE.len()],
}

/// Who else is on the node, and when his requests are not the good ones', in the order of the rounds.
struct Company {
    name: &'static str,
    guests: &'static [usize],
    rounds: Vec<Times>,
}

fn main() -> Result<()> {
    let rounds = argument(1)?.map_or(ROUNDS, |rounds| rounds as usize);
    let millions = argument(2)?.unwrap_or(MILLIONS);
    let machine = table::machine();
    cpu::pin_self(1)?;
    let origin = Origin::start()?;
    let folder = tempfile::tempdir()?;
    let kind = Kind::ForebayFilters { program: server::forebay()?, filters: routes(folder.path())? };
    let server = Server::start(kind, origin.address)?;
    let hosts = Hosts::new();
    let mut out = std::io::stdout();
    writeln!(out, "{machine}\n\n{}", times(&server, &hosts, rounds)?)?;
    writeln!(out, "{}", memory(&server, &hosts, millions)?)?;
    Ok(())
}

fn argument(place: usize) -> Result<Option<u64>> {
    let given = std::env::args().nth(place);
    given.map(|text| text.parse().with_context(|| format!("{text} is no number"))).transpose()
}

/// The configuration below the first route, which is the one of the well-behaved filter.
fn routes(folder: &Path) -> Result<String> {
    let module = chain::module()?;
    let mut text = "filters = [\"request\"]\n[filter_limits]\nbreaker_failures = 0\n".to_owned();
    for isolation in ["request", "shared"] {
        text += &chain::forebay_filter(isolation, &module, isolation);
    }
    for guest in Guest::HOSTILE.into_iter().chain([Guest::Hold]) {
        let file = folder.join(guest.word()).with_extension("wasm");
        fs::write(&file, guest.module())?;
        text += &format!("[filters.{}]\nmodule = {file:?}\n", guest.word());
    }
    for name in ["shared", "hold", "trap", "spin", "hoard"] {
        text += &format!("[[route]]\nhost = \"{name}.example\"\norigin = \"bench\"\nfilters = [\"{name}\"]\n");
    }
    Ok(text)
}

impl Hosts {
    fn new() -> Self {
        let object = Object::plain(0, 1_024);
        Self {
            good: ["bench.example", "shared.example", "hold.example"].map(|host| Rc::new(Ask::at(host, object))),
            bad: Guest::HOSTILE.map(|guest| Rc::new(Ask::refused(&format!("{}.example", guest.word()), object))),
        }
    }
}

fn load(server: &Server, pace: Pace) -> Load {
    Load { address: server.address, reader: server.kind.reader(), connections: CONNECTIONS, pace }
}

fn times(server: &Server, hosts: &Hosts, rounds: usize) -> Result<String> {
    let company = |name, guests| Company { name, guests, rounds: Vec::new() };
    let mut companies = [
        company("nobody", &[]),
        company("a filter that traps", &[0]),
        company("a filter that loops", &[1]),
        company("a filter that hoards", &[2]),
        company("all three in turn", &[0, 1, 2]),
    ];
    // The object is stored, and every filter has an instance.
    load(server, Pace::Closed).run(hosts.good.iter().cloned().cycle().take(CONNECTIONS * 10), |_, _, _| ())?;
    for _ in 0..rounds {
        for company in &mut companies {
            company.rounds.push(round(server, hosts, company.guests).context(company.name)?);
        }
    }
    Ok(render(&companies))
}

/// The times of the well-behaved filter's requests.
fn round(server: &Server, hosts: &Hosts, guests: &[usize]) -> Result<Times> {
    let count = ROUND.as_secs() as usize * PACE as usize;
    let asks = (1..=count).map(|number| {
        let place = (number % COMPANY_EVERY == 0).then(|| guests.get(number / COMPANY_EVERY % guests.len().max(1)));
        match place.flatten() {
            Some(&guest) => hosts.bad[guest].clone(),
            None => hosts.good[0].clone(),
        }
    });
    let mut times = Times::default();
    load(server, Pace::PerSecond(PACE)).run(asks, |ask, _, took| {
        if !ask.is_refused() {
            times.add(took);
        }
    })?;
    Ok(times)
}

fn render(companies: &[Company]) -> String {
    let mut text = "| one request in a hundred meets | p50, µs (lowest to highest round) | p99, ms | p99.9, ms |\n\
                    |---|---|---|---|\n"
        .to_owned();
    for Company { name, rounds, .. } in companies {
        let quantile =
            |share, unit: f64| table::spread(rounds.iter().map(|times| f64::from(times.quantile(share)) / unit));
        let [middle, late, last] = [quantile(0.5, 1.0), quantile(0.99, 1e3), quantile(0.999, 1e3)];
        text += &format!("| {name} | {middle} | {late} | {last} |\n");
    }
    text
}

/// What the node holds after each million of requests through filters of every kind.
fn memory(server: &Server, hosts: &Hosts, millions: u64) -> Result<String> {
    let mut text = "| requests, million | MiB |\n|---|---|\n".to_owned();
    let mut failed = 0;
    for million in 0..=millions {
        if million > 0 {
            let asks = (million * MILLION..(million + 1) * MILLION).map(|number| mixed(hosts, number as usize));
            load(server, Pace::Closed).run(asks, |ask, _, _| failed += u64::from(ask.is_refused()))?;
        }
        text += &format!("| {million} | {:.1} |\n", holdings::memory(server.pid())? as f64 / f64::from(1 << 20));
    }
    let counted = server.metric("forebay_filter_failures_total", &[])?;
    ensure!(counted >= failed as f64, "{failed} requests were failed by filters, and {counted} are counted");
    Ok(text + &format!("\n{failed} of them failed in their filters.\n"))
}

fn mixed(hosts: &Hosts, number: usize) -> Rc<Ask> {
    if number.is_multiple_of(LONG_RUN_COMPANY_EVERY) {
        hosts.bad[number / LONG_RUN_COMPANY_EVERY % hosts.bad.len()].clone()
    } else {
        hosts.good[number % hosts.good.len()].clone()
    }
}
