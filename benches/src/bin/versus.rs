//! What a cache hit costs: Forebay beside nginx, processor microseconds per request.
//!
//! ```text
//! cargo build --release -p forebay -p forebay-benches && target/release/versus [OTHER_BUILD]
//! ```
//!
//! OTHER_BUILD is the path of a `forebay` program, of an earlier version for instance, that runs beside this one.
//!
//! Servers run on core 0, the load on core 1. All servers are up all the time and take turns, round after round, so that
//! a slow minute of the machine is everybody's. Prints Markdown for RESULTS.md.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use forebay_benches::chain::{self, Chain, Isolation};
use forebay_benches::cpu;
use forebay_benches::load::{Load, Pace, Script};
use forebay_benches::mix::Mix;
use forebay_benches::origin::Origin;
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::table::{self, Row, Sample};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(4);
/// Not measured: every server gets going.
const WARM_UP: Duration = Duration::from_secs(1);
const OBJECTS: usize = 2_000;
const REQUESTS: usize = 1 << 17;

fn main() -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    ensure!(cores.get() >= 2, "two cores are needed: one for the servers, one for the load");
    // Told before the pinning, which would hide the other cores.
    let machine = table::machine();
    cpu::pin_self(1)?;
    let origin = Origin::start()?;
    let mut servers = Vec::new();
    for kind in kinds()? {
        servers.push(Server::start(kind, origin.address)?);
    }
    let mut out = std::io::stdout();
    writeln!(out, "{machine}\n")?;
    for mix in [Mix::hot(), Mix::zipf(OBJECTS, REQUESTS)] {
        let rows = measure(&mix, &servers, &origin)?;
        let title = format!("{}: {} objects, {} bytes per request", mix.name, mix.sizes.len(), mix.mean_bytes());
        writeln!(out, "{}", table::render(&title, &rows))?;
    }
    Ok(())
}

fn kinds() -> Result<Vec<Kind>> {
    let program = server::forebay()?;
    let mut kinds = vec![Kind::Nginx, Kind::NginxOpenFiles, Kind::Forebay { program: program.clone() }];
    kinds.extend(std::env::args_os().nth(1).map(|other| Kind::ForebayEarlier { program: other.into() }));
    let chain = Chain { module: chain::module()?, filters: 1, isolation: Isolation::Request };
    kinds.push(Kind::ForebayFilters { program, filters: chain.forebay() });
    Ok(kinds)
}

fn measure(mix: &Mix, servers: &[Server], origin: &Origin) -> Result<Vec<Row>> {
    let script = Script::new(mix);
    let mut rows = Vec::new();
    for server in servers {
        script.fill(&load(server)).with_context(|| format!("filling {}", server.kind.name()))?;
        script.run(&load(server), WARM_UP)?;
        rows.push(Row { server: server.kind.name(), samples: Vec::new() });
    }
    let filled = origin.requests();
    for _ in 0..ROUNDS {
        for (server, row) in servers.iter().zip(&mut rows) {
            row.samples.push(sample(&script, server)?);
        }
    }
    ensure!(origin.requests() == filled, "{} requests were no cache hits", origin.requests() - filled);
    Ok(rows)
}

fn sample(script: &Script, server: &Server) -> Result<Sample> {
    let before = cpu::used(server.pid())?;
    let done = script.run(&load(server), ROUND).with_context(|| server.kind.name())?;
    Ok(Sample { cpu: cpu::used(server.pid())? - before, requests: done.requests, elapsed: done.elapsed })
}

fn load(server: &Server) -> Load {
    Load { address: server.address, reader: server.kind.reader(), connections: CONNECTIONS, pace: Pace::Closed }
}
