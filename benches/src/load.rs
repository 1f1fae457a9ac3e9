//! The load: a closed loop of keep-alive connections, each asking for the next object as soon as it has the last.
//!
//! One thread, and as little work per request as a client can do, so that one core of load keeps one core of server
//! busy. Every answer is checked: status 200, and as many bytes as the object has.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::mix::Mix;
use crate::origin::target;

const READ_BYTES: usize = 256 * 1024;

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub requests: u64,
    pub elapsed: Duration,
}

/// A workload spelled out for the wire.
pub struct Script {
    /// Request bytes and expected body bytes, in the order they are sent.
    steps: Vec<(Rc<[u8]>, usize)>,
    /// The same for each object once.
    objects: Vec<(Rc<[u8]>, usize)>,
}

impl Script {
    pub fn new(mix: &Mix) -> Self {
        let spell = |(object, &bytes): (usize, &usize)| {
            let request = format!("GET {} HTTP/1.1\r\nHost: bench.example\r\n\r\n", target(object, bytes));
            (Rc::from(request.into_bytes()), bytes)
        };
        let objects: Vec<(Rc<[u8]>, usize)> = mix.sizes.iter().enumerate().map(spell).collect();
        let steps = mix.requests.iter().map(|&object| objects[object].clone()).collect();
        Self { steps, objects }
    }

    /// Asks for every object once, on one connection.
    pub fn fill(&self, address: SocketAddr) -> Result<()> {
        local(async {
            let mut connection = Connection::open(address).await?;
            for (request, bytes) in &self.objects {
                connection.exchange(request, *bytes).await?;
            }
            Ok(())
        })
    }

    /// Asks for `duration` on so many connections.
    pub fn run(self: &Rc<Self>, address: SocketAddr, connections: usize, duration: Duration) -> Result<Done> {
        let next = Rc::new(Cell::new(0));
        let done = Rc::new(Cell::new(0));
        let start = Instant::now();
        local(async {
            let spawn = |_| {
                let (script, next, done) = (self.clone(), next.clone(), done.clone());
                tokio::task::spawn_local(async move { script.ask(address, start + duration, &next, &done).await })
            };
            let tasks: Vec<_> = (0..connections).map(spawn).collect();
            for task in tasks {
                task.await.context("a connection's task panicked")??;
            }
            Ok(())
        })?;
        Ok(Done { requests: done.get(), elapsed: start.elapsed() })
    }

    async fn ask(&self, address: SocketAddr, end: Instant, next: &Cell<usize>, done: &Cell<u64>) -> Result<()> {
        let mut connection = Connection::open(address).await?;
        while Instant::now() < end {
            let at = next.get();
            next.set((at + 1) % self.steps.len());
            let (request, bytes) = &self.steps[at];
            connection.exchange(request, *bytes).await?;
            done.set(done.get() + 1);
        }
        Ok(())
    }
}

fn local<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ_BYTES] })
    }

    /// One request and its whole answer.
    async fn exchange(&mut self, request: &[u8], bytes: usize) -> Result<()> {
        self.stream.write_all(request).await?;
        let mut read = 0;
        let head_end = loop {
            read += self.read_from(read).await?;
            if let Some(at) = self.buffer[..read].windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(read < self.buffer.len(), "a header section of more than {READ_BYTES} bytes");
        };
        check(&self.buffer[..head_end], bytes)?;
        let mut missing = (head_end + bytes).checked_sub(read).context("more bytes than the body has")?;
        while missing > 0 {
            missing = missing.checked_sub(self.read_from(0).await?).context("more bytes than the body has")?;
        }
        Ok(())
    }

    async fn read_from(&mut self, start: usize) -> Result<usize> {
        let read = self.stream.read(&mut self.buffer[start..]).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(read)
    }
}

fn check(head: &[u8], bytes: usize) -> Result<()> {
    let text = std::str::from_utf8(head)?;
    ensure!(text.starts_with("HTTP/1.1 200 "), "not 200: {text}");
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    match length {
        Some(length) if bytes == length => Ok(()),
        _ => bail!("not {bytes} bytes long: {text}"),
    }
}
