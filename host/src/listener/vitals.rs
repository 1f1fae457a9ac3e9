//! Is this connection moving? Its socket with the pulse taken, and the watch that ends what has stopped.
//!
//! hyper's own header timer makes a timer per request. Here the socket notes when bytes came and when it could not send,
//! and one sleeping watch per connection looks now and then, so a request costs two loads of the clock.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const SERVING: u8 = 2;

/// What is known of one connection's movements. All of it is touched by one task only; atomics make it shareable.
#[derive(Debug)]
pub(super) struct Vitals {
    born: Instant,
    phase: AtomicU8,
    /// When the phase began, in milliseconds after birth.
    since: AtomicU64,
    /// When a write first found the socket full, plus one; 0 where it is not.
    blocked: AtomicU64,
}

/// The silences that end a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) keep_alive: Duration,
    pub(super) send: Duration,
}

/// What the watch found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// No request for `keep_alive`: a normal end.
    Idle,
    /// A request head that does not get finished.
    Header,
    /// A client that does not read.
    Send,
}

impl Vitals {
    /// A new connection owes a request head at once.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            phase: AtomicU8::new(HEAD),
            since: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }

    /// A request head is complete.
    pub(super) fn serving(&self) {
        self.phase.store(SERVING, Ordering::Relaxed);
    }

    /// A response is complete.
    pub(super) fn idle(&self) {
        self.enter(IDLE);
    }

    fn read_bytes(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    fn write_polled(&self, blocked: bool) {
        match (blocked, self.blocked.load(Ordering::Relaxed)) {
            (true, 0) => self.blocked.store(self.now() + 1, Ordering::Relaxed),
            (false, 1..) => self.blocked.store(0, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Ready when the connection has stopped for longer than it may.
    pub(super) async fn watch(&self, patience: Patience) -> Stopped {
        let step = patience.header.min(patience.send).min(patience.keep_alive);
        loop {
            let now = Duration::from_millis(self.now());
            let since = Duration::from_millis(self.since.load(Ordering::Relaxed));
            let blocked = self.blocked.load(Ordering::Relaxed);
            if blocked > 0 && now >= Duration::from_millis(blocked - 1) + patience.send {
                return Stopped::Send;
            }
            let due = match self.phase.load(Ordering::Relaxed) {
                IDLE if now >= since + patience.keep_alive => return Stopped::Idle,
                HEAD if now >= since + patience.header => return Stopped::Header,
                IDLE => since + patience.keep_alive,
                HEAD => since + patience.header,
                _ => now + step,
            };
            // The phase may change while this sleeps, so it never sleeps longer than the shortest patience.
            tokio::time::sleep((due - now).min(step).max(Duration::from_millis(1))).await;
        }
    }
}

/// A client's socket with its pulse taken.
pub(super) struct Pulse {
    stream: TcpStream,
    vitals: Arc<Vitals>,
}

impl Pulse {
    pub(super) fn new(stream: TcpStream, vitals: Arc<Vitals>) -> Self {
        Self { stream, vitals }
    }
}

impl AsyncRead for Pulse {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.vitals.read_bytes();
        }
        read
    }
}

impl AsyncWrite for Pulse {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.vitals.write_polled(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.vitals.write_polled(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        keep_alive: Duration::from_secs(75),
        send: Duration::from_secs(60),
    };

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_never_finished_is_not_waited_for() {
        let vitals = Vitals::new();
        assert_eq!(vitals.watch(PATIENCE).await, Stopped::Header);
        assert_eq!(vitals.born.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_its_time() {
        let vitals = Vitals::new();
        vitals.serving();
        vitals.idle();
        assert_eq!(vitals.watch(PATIENCE).await, Stopped::Idle);
        assert_eq!(vitals.born.elapsed().as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up_but_slow_service_is_not() {
        let vitals = Vitals::new();
        vitals.serving();
        let watch = vitals.watch(PATIENCE);
        let longer = tokio::time::timeout(Duration::from_secs(3_600), watch).await;
        assert!(longer.is_err(), "a request may be served for an hour");
        vitals.write_polled(true);
        assert_eq!(vitals.watch(PATIENCE).await, Stopped::Send);
        vitals.write_polled(false);
        assert!(tokio::time::timeout(Duration::from_secs(600), vitals.watch(PATIENCE)).await.is_err());
    }
}
