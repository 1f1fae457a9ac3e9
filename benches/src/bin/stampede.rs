//! How close together a thousand clients of one cold key get their first bytes.
//!
//! ```text
//! cargo build --release -p forebay -p forebay-benches && target/release/stampede
//! ```
//!
//! The node runs on core 0, origin and clients on core 1. All clients are connected and have asked before the origin
//! answers, 300 ms after the first request, so that the time from the first of all first bytes to the last is the node's
//! work (and the clients'). Prints Markdown for RESULTS.md.

use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use forebay_benches::server::{self, Kind, Server};
use forebay_benches::{cpu, table};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet};

const CLIENTS: usize = 1_000;
const ROUNDS: usize = 9;
/// From a request to its answer's head.
const ANSWER_AFTER: Duration = Duration::from_millis(300);
/// From the head of the first answer that is not for sharing to the end of its body.
const BODY_TAKES: Duration = Duration::from_secs(2);
const BODY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What the origin allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Allowed,
    Forbidden,
}

/// When the clients of one round had their first and their last byte.
struct Round {
    first: Vec<Instant>,
    last: Vec<Instant>,
    origin_requests: usize,
}

fn main() -> Result<()> {
    let machine = table::machine();
    cpu::pin_self(1)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, compare(&machine))
}

async fn compare(machine: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{machine}\n\n| answer | origin requests | first bytes after the first one, ms: median of clients | 99th | last | \
         whole answers before the slow body ends |\n|---|---|---|---|---|---|"
    )?;
    for sharing in [Sharing::Allowed, Sharing::Forbidden] {
        let requests = Rc::new(Cell::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = listener.local_addr()?;
        tokio::task::spawn_local(answer_all(listener, sharing, requests.clone()));
        let server = Server::start(Kind::Forebay { program: server::forebay()? }, origin)?;
        let mut rounds = Vec::new();
        for number in 0..ROUNDS {
            requests.set(0);
            let (first, last) = stampede(server.address, number).await?;
            rounds.push(Round { first, last, origin_requests: requests.get() });
        }
        writeln!(out, "{}", row(sharing, &rounds))?;
    }
    Ok(())
}

/// Every client connects and asks; then all read.
async fn stampede(address: SocketAddr, number: usize) -> Result<(Vec<Instant>, Vec<Instant>)> {
    let request = format!("GET /stampede/{number} HTTP/1.1\r\nHost: bench.example\r\nConnection: close\r\n\r\n");
    let mut clients = JoinSet::new();
    let mut streams = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        streams.push(TcpStream::connect(address).await?);
    }
    for mut stream in streams {
        stream.write_all(request.as_bytes()).await?;
        clients.spawn_local(read(stream));
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while let Some(times) = clients.join_next().await {
        let (began, ended) = times??;
        first.push(began);
        last.push(ended);
    }
    Ok((first, last))
}

async fn read(mut stream: TcpStream) -> Result<(Instant, Instant)> {
    let mut bytes = Vec::with_capacity(1_024);
    stream.read_buf(&mut bytes).await?;
    let first = Instant::now();
    stream.read_to_end(&mut bytes).await?;
    ensure!(bytes.ends_with(BODY.as_bytes()), "an answer was cut short");
    Ok((first, Instant::now()))
}

async fn answer_all(listener: TcpListener, sharing: Sharing, requests: Rc<Cell<usize>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A connection that the node closes ends its task; nothing else can fail here.
        tokio::task::spawn_local(answer(stream, sharing, requests.clone()));
    }
}

async fn answer(mut stream: TcpStream, sharing: Sharing, requests: Rc<Cell<usize>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let directives = if sharing == Sharing::Allowed { "max-age=3600" } else { "no-store" };
    let head = format!("HTTP/1.1 200 OK\r\nCache-Control: {directives}\r\nContent-Length: {}\r\n\r\n", BODY.len());
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            ensure!(stream.read_buf(&mut request).await? > 0, "closed");
        }
        let slow = requests.get() == 0 && sharing == Sharing::Forbidden;
        requests.set(requests.get() + 1);
        tokio::time::sleep(ANSWER_AFTER).await;
        stream.write_all(head.as_bytes()).await?;
        if slow {
            tokio::time::sleep(BODY_TAKES).await;
        }
        stream.write_all(BODY.as_bytes()).await?;
    }
}

fn row(sharing: Sharing, rounds: &[Round]) -> String {
    let name = if sharing == Sharing::Allowed { "may be shared" } else { "`no-store`" };
    let requests: Vec<usize> = rounds.iter().map(|round| round.origin_requests).collect();
    let place = |share: f64| spread(rounds.iter().map(|round| delay(&round.first, share)));
    let early = rounds.iter().map(|round| {
        let slowest = round.last.iter().max().copied();
        let end = slowest.and_then(|slowest| slowest.checked_sub(BODY_TAKES / 4));
        round.last.iter().filter(|last| end.is_some_and(|end| **last < end)).count()
    });
    let early = match sharing {
        Sharing::Allowed => "-".to_owned(),
        Sharing::Forbidden => early.min().unwrap_or(0).to_string(),
    };
    format!(
        "| {name} | {} to {} | {} | {} | {} | {early} |",
        requests.iter().min().unwrap_or(&0),
        requests.iter().max().unwrap_or(&0),
        place(0.5),
        place(0.99),
        place(1.0)
    )
}

/// Milliseconds from the first client's byte to that of the client at this place.
fn delay(times: &[Instant], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    let at = ((times.len() - 1) as f64 * share) as usize;
    (times[at] - times[0]).as_secs_f64() * 1e3
}

/// The median of the rounds, and in parentheses the lowest and the highest.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    format!("{:.1} ({low:.1} to {high:.1})", values[values.len() / 2])
}
