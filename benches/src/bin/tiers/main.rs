//! A small memory tier on a larger disk tier, under what a web edge is asked for: Forebay beside nginx and Traffic Server.
//!
//! ```text
//! cargo build --release -p forebay -p forebay-benches && target/release/tiers [--small]
//! ```
//!
//! Servers run on core 0, origin and load on core 1; files lie in the temporary folder. First each server has the profile
//! to itself, at the same pace, so that lifetimes pass alike. Then all take turns at answers of one kind: misses, hits in
//! memory, hits on disk. `--small` is a sixteenth of everything. Prints Markdown for RESULTS.md.

mod course;
mod drill;

use std::io::Write;

use anyhow::{Result, ensure};
use forebay_benches::configuration::Room;
use forebay_benches::load::{Load, Pace};
use forebay_benches::origin::Origin;
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::{cpu, table};

const CONNECTIONS: usize = 64;

/// How large everything is.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// The profile's objects are divided by this.
    divisor: usize,
    room: Room,
    /// Body bytes that each server has to answer with.
    bytes: u64,
    per_second: u32,
    /// Objects of one round of misses, and later of disk hits.
    batch: u32,
    /// Objects that are always in memory.
    hot: usize,
}

const FULL: Scale = Scale {
    divisor: 1,
    room: Room { memory_bytes: 512 << 20, disk_bytes: Some(4 << 30) },
    bytes: 20 << 30,
    per_second: 4_000,
    batch: 24_000,
    hot: 2_000,
};
const SMALL: Scale = Scale {
    divisor: 16,
    room: Room { memory_bytes: 32 << 20, disk_bytes: Some(256 << 20) },
    bytes: 20 << 26,
    per_second: 4_000,
    batch: 1_500,
    hot: 200,
};

fn main() -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    ensure!(cores.get() >= 2, "two cores are needed: one for the servers, one for the load");
    let scale = if std::env::args().any(|argument| argument == "--small") { SMALL } else { FULL };
    // Told before the pinning, which would hide the other cores.
    let machine = table::machine();
    cpu::pin_self(1)?;
    let origin = Origin::start()?;
    let mut servers = Vec::new();
    for kind in [Kind::Nginx, Kind::TrafficServer, Kind::Forebay { program: server::forebay()? }] {
        servers.push(Server::start_with(kind, origin.address, scale.room)?);
    }
    let mut out = std::io::stdout();
    writeln!(out, "{machine}, {}\n\n{}", table::traffic_server(), course::describe(scale))?;
    let courses = servers.iter().map(|server| course::run(server, &origin, scale)).collect::<Result<Vec<_>>>()?;
    writeln!(out, "{}", course::render(&courses))?;
    for drill in drill::run(&mut servers, scale)? {
        writeln!(out, "{drill}")?;
    }
    Ok(())
}

fn load(server: &Server, pace: Pace) -> Load {
    Load { address: server.address, reader: server.kind.reader(), connections: CONNECTIONS, pace }
}
