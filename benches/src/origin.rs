//! The origin of a benchmark: makes whatever object a path describes, and counts what it was asked.
//!
//! A server's cache is known by what does not arrive here.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Result, ensure};

use crate::object::{Nature, Object, Variant};

pub struct Origin {
    pub address: SocketAddr,
    counters: Arc<Counters>,
}

/// What it was asked so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub requests: u64,
    /// Of them, answered with 304.
    pub not_modified: u64,
    /// Body bytes of the answers that may be stored.
    pub storable_bytes: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    not_modified: AtomicU64,
    storable_bytes: AtomicU64,
}

/// The parts of a request that matter here.
#[derive(Default)]
struct Request {
    line: String,
    encodings: String,
    etag: String,
}

impl Origin {
    /// Serves until the program ends, one thread per connection.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let shared = counters.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counters = shared.clone();
                // A server under test that closes its connection ends the thread; nothing else can fail here.
                thread::spawn(move || serve(&stream, &counters));
            }
        });
        Ok(Self { address, counters })
    }

    pub fn counts(&self) -> Counts {
        let Counters { requests, not_modified, storable_bytes } = &*self.counters;
        let [requests, not_modified, storable_bytes] =
            [requests, not_modified, storable_bytes].map(|counter| counter.load(Ordering::Relaxed));
        Counts { requests, not_modified, storable_bytes }
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.counts().requests
    }
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            not_modified: self.not_modified - earlier.not_modified,
            storable_bytes: self.storable_bytes - earlier.storable_bytes,
        }
    }
}

fn serve(stream: &TcpStream, counters: &Counters) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut answer = Vec::new();
    while let Some(request) = read(&mut reader)? {
        answer.clear();
        compose(&request, counters, &mut answer)?;
        writer.write_all(&answer)?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<&TcpStream>) -> Result<Option<Request>> {
    let mut request = Request::default();
    if reader.read_line(&mut request.line)? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "a request ends in its head");
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(request)) };
        if name.eq_ignore_ascii_case("accept-encoding") {
            request.encodings = value.trim().to_owned();
        } else if name.eq_ignore_ascii_case("if-none-match") {
            request.etag = value.trim().to_owned();
        }
    }
}

fn compose(request: &Request, counters: &Counters, answer: &mut Vec<u8>) -> Result<()> {
    let mut words = request.line.split(' ');
    let method = words.next().unwrap_or_default();
    let object = Object::parse(words.next().unwrap_or_default())?;
    let variant = Variant::accepted(&request.encodings);
    let (etag, bytes) = (object.etag(variant), object.bytes);
    let matches = request.etag == etag && object.nature != Nature::Gone;
    let status = match object.nature {
        Nature::Gone => "404 Not Found",
        _ if matches => "304 Not Modified",
        _ => "200 OK",
    };
    let control = match object.nature {
        Nature::Private => "no-store".to_owned(),
        _ => format!("public, max-age={}", object.lifetime_seconds),
    };
    let vary = if object.nature == Nature::Varied { "Vary: Accept-Encoding\r\n" } else { "" };
    write!(answer, "HTTP/1.1 {status}\r\nCache-Control: {control}\r\nETag: {etag}\r\n{vary}")?;
    counters.requests.fetch_add(1, Ordering::Relaxed);
    if matches {
        counters.not_modified.fetch_add(1, Ordering::Relaxed);
        answer.extend(b"\r\n");
        return Ok(());
    }
    write!(answer, "Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n\r\n")?;
    if method != "HEAD" {
        answer.extend(object.body(variant));
        let storable = if object.nature == Nature::Private { 0 } else { bytes as u64 };
        counters.storable_bytes.fetch_add(storable, Ordering::Relaxed);
    }
    Ok(())
}
