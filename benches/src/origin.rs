//! The origin of a benchmark: makes an object of the asked-for size, cacheable for a day, and counts what it was asked.
//!
//! Every server under test fills its cache from here before the clock starts; a request after that shows that a server
//! did not answer from its cache.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};

/// `GET /object/NUMBER/BYTES` is answered with so many bytes.
pub struct Origin {
    pub address: SocketAddr,
    requests: Arc<AtomicU64>,
}

/// The path of an object.
pub fn target(object: usize, bytes: usize) -> String {
    format!("/object/{object}/{bytes}")
}

impl Origin {
    /// Serves until the program ends, one thread per connection.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let requests = Arc::new(AtomicU64::new(0));
        let counter = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = counter.clone();
                // A server under test that closes its connection ends the thread; nothing else can fail here.
                thread::spawn(move || serve(&stream, &counter));
            }
        });
        Ok(Self { address, requests })
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

fn serve(stream: &TcpStream, requests: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let bytes = line.split(' ').nth(1).and_then(|target| target.rsplit('/').next()).context("a request line")?;
        let bytes: usize = bytes.parse()?;
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        line.clear();
        requests.fetch_add(1, Ordering::Relaxed);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: public, max-age=86400\r\n\
             ETag: \"{bytes}\"\r\nContent-Length: {bytes}\r\n\r\n"
        );
        let mut writer = stream;
        writer.write_all(&[head.as_bytes(), &vec![b'x'; bytes]].concat())?;
    }
    Ok(())
}
