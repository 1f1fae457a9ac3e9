//! An origin with one large body, made as it is sent: its bytes are a function of their position, so nobody has to hold
//! it to know it.
//!
//! It pours as fast as it is taken, and a dam holds it at a position until a test raises it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::client::RawClient;
use crate::patience::patiently;

/// What is written at once.
const PIECE_BYTES: u64 = 64 << 10;

/// The origin. It ends with the value.
pub struct River {
    address: SocketAddr,
    bed: Arc<Bed>,
    task: AbortHandle,
}

struct Bed {
    bytes: u64,
    fields: String,
    /// It pours up to here.
    dam: watch::Sender<u64>,
    flow: watch::Sender<Flow>,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    requests: usize,
    /// Of the newest answer.
    poured: u64,
    /// Answers that the other side did not take to their end.
    refused: usize,
}

impl River {
    /// Answers every request with 200, these lines as its header section, and so many bytes; closes the connection then.
    pub async fn start(bytes: u64, fields: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let fields = format!("Connection: close\r\n{fields}");
        let bed = Bed { bytes, fields, dam: watch::Sender::new(u64::MAX), flow: watch::Sender::default() };
        let bed = Arc::new(bed);
        let task = tokio::spawn(accept(listener, bed.clone())).abort_handle();
        Self { address, bed, task }
    }

    /// The same with its length said and a minute to live.
    pub async fn of_length(bytes: u64) -> Self {
        let fields = format!("Content-Length: {bytes}\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\n");
        Self::start(bytes, &fields).await
    }

    /// For a `servers` line of the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it pours up to this position.
    pub fn dam(&self, at: u64) {
        self.bed.dam.send_replace(at);
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.bed.flow.borrow().requests
    }

    /// Returns once so many bytes of the newest answer were taken.
    pub async fn pours(&self, bytes: u64) {
        self.flows(&format!("{bytes} bytes to be poured"), |flow| flow.poured >= bytes).await;
    }

    /// Returns once so many answers were not taken to their end.
    pub async fn is_refused(&self, times: usize) {
        self.flows("the origin to be hung up on", |flow| flow.refused >= times).await;
    }

    async fn flows(&self, what: &str, reached: impl FnMut(&Flow) -> bool) {
        let mut flow = self.bed.flow.subscribe();
        // The sender lives in `self`, so waiting ends only by the flow being so.
        _ = patiently(what, flow.wait_for(reached)).await;
    }
}

impl Drop for River {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, bed: Arc<Bed>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let bed = bed.clone();
        connections.spawn(async move {
            if pour(stream, &bed).await.is_err() {
                bed.flow.send_modify(|flow| flow.refused += 1);
            }
        });
    }
}

async fn pour(mut stream: TcpStream, bed: &Bed) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut head = BufReader::new(reader).lines();
    while head.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    bed.flow.send_modify(|flow| (flow.requests, flow.poured) = (flow.requests + 1, 0));
    writer.write_all(format!("HTTP/1.1 200 OK\r\n{}\r\n", bed.fields).as_bytes()).await?;
    let mut dam = bed.dam.subscribe();
    let mut at = 0;
    while at < bed.bytes {
        let open = tokio::select! {
            open = dam.wait_for(|dam| *dam > at) => open.map_or(u64::MAX, |open| *open),
            // Nothing more is asked for, so this is the other side's end.
            _ = head.next_line() => return Err(std::io::ErrorKind::ConnectionAborted.into()),
        };
        let end = bed.bytes.min(open).min(at + PIECE_BYTES);
        writer.write_all(&water(at, end)).await?;
        at = end;
        bed.flow.send_modify(|flow| flow.poured = at);
    }
    writer.shutdown().await
}

/// Pages of the body are alike but for the number that each begins with, so that they are quickly made and compared.
const PAGE_BYTES: usize = 4 << 10;

/// The bytes of the body from one position to another.
pub fn water(start: u64, end: u64) -> Vec<u8> {
    static PAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let word = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        (1..=PAGE_BYTES as u64 / 8).flat_map(word).collect()
    });
    let size = PAGE_BYTES as u64;
    let first = start / size;
    let mut pages = Vec::new();
    for number in first..end.div_ceil(size) {
        pages.extend_from_slice(&number.to_be_bytes());
        pages.extend_from_slice(&PAGE[8..]);
    }
    let within = |position: u64| usize::try_from(position - first * size).expect("a piece fits into memory");
    pages.truncate(within(end));
    pages.drain(..within(start));
    pages
}

/// Reads the bytes of the body from one position to another; fails the test where they are others, or too few.
pub async fn drink(client: &mut RawClient, start: u64, end: u64) {
    let mut at = start;
    while at < end {
        let some = client.some_of(usize::try_from(end - at).unwrap_or(usize::MAX)).await;
        assert!(!some.is_empty(), "the body ended at {at} of {end}");
        let upto = at + some.len() as u64;
        assert!(some == water(at, upto), "wrong bytes between {at} and {upto}");
        at = upto;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn water_is_the_same_however_it_is_scooped() {
        let whole = water(0, 10_000);
        for (start, end) in [(0, 10_000), (3, 5), (4095, 4097), (4096, 4096), (8192, 9000), (9999, 10_000)] {
            assert!(water(start, end) == whole[start as usize..end as usize], "{start}..{end}");
        }
        assert_ne!(whole[..PAGE_BYTES], whole[PAGE_BYTES..2 * PAGE_BYTES]);
    }

    #[tokio::test]
    async fn a_dam_holds_it_and_a_lost_client_is_noticed() {
        let river = River::of_length(300_000).await;
        river.dam(100_000);
        let mut client = RawClient::connect(river.address).await;
        client.send("GET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.response_head().await.header("content-length"), Some("300000"));
        drink(&mut client, 0, 100_000).await;
        river.dam(200_000);
        drink(&mut client, 100_000, 200_000).await;
        drop(client);
        river.is_refused(1).await;
        assert_eq!(river.requests(), 1);
    }
}
