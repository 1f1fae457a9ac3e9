//! What header filters cost beside Envoy: processor microseconds per request that the first adds, and each further one.
//!
//! ```text
//! scripts/envoy-oracle --prepare
//! cargo build --release -p forebay -p forebay-benches && target/release/filters [ROUNDS [SECONDS]]
//! ```
//!
//! Both run the same module with the same settings and answer 1 KiB: Forebay from its cache, Envoy by `direct_response`,
//! the shortest way it has. Servers run on core 0, the load on core 1; all are up all the time and take turns. What a
//! filter adds is the difference within a round. Prints Markdown for RESULTS.md.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use forebay_benches::ask::Ask;
use forebay_benches::chain::{self, Chain, Isolation, TRACE};
use forebay_benches::cpu;
use forebay_benches::load::{Load, Pace, Script};
use forebay_benches::mix::Mix;
use forebay_benches::object::Object;
use forebay_benches::origin::Origin;
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::table;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 7;
const SECONDS: u64 = 4;
/// Not measured: every server gets going.
const WARM_UP: Duration = Duration::from_secs(1);
/// The lengths of the chains, and what the last table tells of.
const LENGTHS: [usize; 5] = [0, 1, 2, 5, 10];

/// One way to run filters, at each length of the chain. Without filters both isolations are the same server.
struct Family {
    name: &'static str,
    /// Places among the servers.
    servers: [usize; LENGTHS.len()],
}

fn main() -> Result<()> {
    let rounds = argument(1)?.map_or(ROUNDS, |rounds| rounds as usize);
    let round = Duration::from_secs(argument(2)?.unwrap_or(SECONDS));
    let cores = std::thread::available_parallelism()?;
    ensure!(cores.get() >= 2, "two cores are needed: one for the servers, one for the load");
    // Told before the pinning, which would hide the other cores.
    let machine = format!("{}, {}", table::machine(), table::envoy(&server::envoy()?));
    cpu::pin_self(1)?;
    let origin = Origin::start()?;
    let (servers, families) = start(&origin)?;
    let costs = measure(&servers, rounds, round)?;
    let mut out = std::io::stdout();
    writeln!(out, "{machine}\n\n{}", render(&families, &costs))?;
    Ok(())
}

fn argument(place: usize) -> Result<Option<u64>> {
    let given = std::env::args().nth(place);
    Ok(given.map(|text| text.parse().with_context(|| format!("{text} is no number"))).transpose()?.filter(|n| *n > 0))
}

fn start(origin: &Origin) -> Result<(Vec<Server>, Vec<Family>)> {
    let mut servers = Vec::new();
    let mut families = Vec::new();
    for (name, isolation) in [
        ("Forebay, isolation by request", Some(Isolation::Request)),
        ("Forebay, shared", Some(Isolation::Shared)),
        ("Envoy", None),
    ] {
        let mut places = [0; LENGTHS.len()];
        for (place, filters) in places.iter_mut().zip(LENGTHS) {
            if filters == 0 && isolation == Some(Isolation::Shared) {
                continue;
            }
            let server = Server::start(kind(isolation, filters)?, origin.address)?;
            probe(&server, filters)?;
            *place = servers.len();
            servers.push(server);
        }
        families.push(Family { name, servers: places });
    }
    Ok((servers, families))
}

fn kind(isolation: Option<Isolation>, filters: usize) -> Result<Kind> {
    let chain = |isolation| Ok::<_, anyhow::Error>(Chain { module: chain::module()?, filters, isolation });
    Ok(match isolation {
        Some(isolation) => Kind::ForebayFilters { program: server::forebay()?, filters: chain(isolation)?.forebay() },
        None => Kind::Envoy { program: server::envoy()?, chain: chain(Isolation::Shared)? },
    })
}

/// Filters that do not run would cost nothing: their trace must be there, or not.
fn probe(server: &Server, filters: usize) -> Result<()> {
    let ask = Ask::bare(Object::plain(0, 1_024));
    let mut stream = TcpStream::connect(server.address)?;
    stream.write_all(&ask.request)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4_096];
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "{} closed the connection", server.kind.name());
        answer.extend_from_slice(&piece[..read]);
    }
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.contains(TRACE) == (filters > 0), "{} with {filters} filters: {answer}", server.kind.name());
    Ok(())
}

/// Processor microseconds per request, of each server in each round.
fn measure(servers: &[Server], rounds: usize, round: Duration) -> Result<Vec<Vec<f64>>> {
    let script = Script::new(&Mix::hot());
    for server in servers {
        script.run(&load(server), WARM_UP)?;
    }
    let mut costs = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for (server, costs) in servers.iter().zip(&mut costs) {
            let before = cpu::used(server.pid())?;
            let done = script.run(&load(server), round).with_context(|| server.kind.name())?;
            let used = cpu::used(server.pid())? - before;
            costs.push(used.as_secs_f64() * 1e6 / done.requests as f64);
        }
    }
    Ok(costs)
}

fn load(server: &Server) -> Load {
    Load { address: server.address, reader: server.kind.reader(), connections: CONNECTIONS, pace: Pace::Closed }
}

fn render(families: &[Family], costs: &[Vec<f64>]) -> String {
    let mut text = "| CPU per request, µs | no filter | 1 | 2 | 5 | 10 | the first adds (lowest to highest round) | \
                    each further one adds |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for Family { name, servers } in families {
        let each = servers.map(|server| format!("{:.2}", table::median(costs[server].iter().copied())));
        let [none, one, .., ten] = servers.map(|server| &costs[server]);
        let first = none.iter().zip(one).map(|(none, one)| one - none);
        let further = one.iter().zip(ten).map(|(one, ten)| (ten - one) / 9.0);
        text += &format!("| {name} | {} | {} | {} |\n", each.join(" | "), table::spread(first), table::spread(further));
    }
    text
}
