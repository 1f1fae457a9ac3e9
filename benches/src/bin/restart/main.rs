//! Killed under load and started again: how soon a cache answers from its disk, and what it still has.
//!
//! ```text
//! cargo build --release -p forebay -p forebay-benches && target/release/restart [--small]
//! ```
//!
//! Each server in turn stores objects of a web edge's sizes. Then, several times, while clients ask for them and for new
//! ones: kill -9 of all its processes, and the same command again at once. Servers run on core 0, origin and clients on
//! core 1; files lie in the temporary folder. `--small` stores fewer. Prints Markdown for RESULTS.md.

mod clients;
mod crash;

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use forebay_benches::ask::{Ask, Form};
use forebay_benches::configuration::Room;
use forebay_benches::load::{Load, Pace};
use forebay_benches::object::{DAY_SECONDS, Nature, Object, Variant};
use forebay_benches::origin::Origin;
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::{cpu, profile, table};

use crate::crash::{Crash, Patience};

const STORED: u32 = 100_000;
const STORED_SMALL: u32 = 5_000;
const CRASHES: usize = 5;
const CONNECTIONS: usize = 64;
/// Traffic Server writes its directory down once a minute.
const SETTLE: Duration = Duration::from_secs(65);
/// More disk than the objects need: nothing is missing because it had to make room.
const ROOM: Room = Room { memory_bytes: 512 << 20, disk_bytes: Some(8 << 30) };

fn main() -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    ensure!(cores.get() >= 2, "two cores are needed: one for the servers, one for the load");
    let stored = if std::env::args().any(|argument| argument == "--small") { STORED_SMALL } else { STORED };
    let machine = table::machine();
    cpu::pin_self(1)?;
    let origin = Origin::start()?;
    let mut out = std::io::stdout();
    write!(out, "{machine}, {}\n\n{stored} objects stored\n\n{}", table::traffic_server(), crash::HEAD)?;
    for kind in [Kind::Nginx, Kind::TrafficServer, Kind::Forebay { program: server::forebay()? }] {
        let mut server = Server::start_with(kind, origin.address, ROOM)?;
        let crashes = suffer(&mut server, stored).with_context(|| server.kind.name())?;
        write!(out, "{}", crash::row(server.kind.name(), &crashes))?;
    }
    Ok(())
}

fn suffer(server: &mut Server, stored: u32) -> Result<Vec<Crash>> {
    ask_all(server, stored)?;
    std::thread::sleep(SETTLE);
    // The last one is watched until the whole index is back, which takes some minutes.
    let patience = |last: bool| if last { Patience::Whole } else { Patience::Short };
    (1..=CRASHES).map(|number| crash::run(server, stored, patience(number == CRASHES))).collect()
}

/// Asks for every object once; the numbers of those that were not in the cache.
fn ask_all(server: &Server, stored: u32) -> Result<Vec<u32>> {
    let load =
        Load { address: server.address, reader: server.kind.reader(), connections: CONNECTIONS, pace: Pace::Closed };
    let mut missing = Vec::new();
    load.run((0..stored).map(|number| Rc::new(ask(number))), |ask, answer, _| {
        if !answer.verdict.is_hit() {
            missing.push(ask.object.number);
        }
    })?;
    Ok(missing)
}

/// An object of a web edge's sizes, to be stored for a day.
fn ask(number: u32) -> Ask {
    let object = Object { nature: Nature::Plain, lifetime_seconds: DAY_SECONDS, ..profile::object(number) };
    Ask::new(object, Form::Get, Variant::Brotli)
}
