//! Clients that keep asking through a crash, and note what became of each request.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use forebay_benches::connection::{Connection, WrongBytes};
use forebay_benches::verdict::Reader;
use futures_util::future::join_all;

use crate::{CONNECTIONS, ask};

/// Between an answer and the next request of a connection: together they ask at most 4,300 times a second.
const THINK: Duration = Duration::from_millis(15);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(1);
/// One request in so many is for an object that was never asked for.
const NEW_EVERY: usize = 20;

pub(super) struct Clients {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Event>>>,
}

/// What became of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) began: Instant,
    /// When its end was known.
    pub(super) at: Instant,
    pub(super) object: u32,
    pub(super) end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Hit,
    /// Answered, but not from the cache.
    Other,
    /// There was nobody to connect to.
    Refused,
    /// The connection ended before the answer did.
    Broken,
    /// The body was not the object's.
    Wrong,
}

impl Clients {
    /// They ask until `stop`, for objects below `stored` and for some from `first_new` on.
    pub(super) fn start(address: SocketAddr, reader: Reader, stored: u32, first_new: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let events = RefCell::new(Vec::new());
            let draw = Draw { random: fastrand::Rng::with_seed(u64::from(first_new)), stored, next_new: first_new };
            let draw = RefCell::new(draw);
            let client = async || {
                let mut connection = None;
                while !flag.load(Ordering::Relaxed) {
                    let (object, began) = (draw.borrow_mut().object(), Instant::now());
                    let end = request(&mut connection, address, reader, object).await;
                    events.borrow_mut().push(Event { began, at: Instant::now(), object, end });
                    tokio::time::sleep(if connection.is_some() { THINK } else { RETRY }).await;
                }
            };
            runtime.block_on(join_all((0..CONNECTIONS).map(|_| client())));
            Ok(events.into_inner())
        });
        Self { over, thread }
    }

    /// Lets them end their last request, and tells what they saw, in order.
    pub(super) fn stop(self) -> Result<Vec<Event>> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the clients' thread panicked")?
    }
}

struct Draw {
    random: fastrand::Rng,
    stored: u32,
    next_new: u32,
}

impl Draw {
    fn object(&mut self) -> u32 {
        if self.random.usize(..NEW_EVERY) > 0 {
            return self.random.u32(..self.stored);
        }
        self.next_new += 1;
        self.next_new - 1
    }
}

/// One request, over a new connection where there is none. Afterwards there is none if it failed.
async fn request(connection: &mut Option<Connection>, address: SocketAddr, reader: Reader, object: u32) -> End {
    let mut open = match connection.take() {
        Some(open) => open,
        None => match Connection::open(address, reader).await {
            Ok(open) => open,
            Err(_) => return End::Refused,
        },
    };
    match open.exchange(&ask(object)).await {
        Ok(answer) => {
            *connection = Some(open);
            if answer.verdict.is_hit() { End::Hit } else { End::Other }
        }
        Err(error) if error.is::<WrongBytes>() => End::Wrong,
        Err(_) => End::Broken,
    }
}
