//! The load: keep-alive connections that ask for one object after the other, as fast as they are answered or at a pace.
//!
//! One thread, and as little work per request as a client can do, so that one core of load keeps one core of server
//! busy. Every answer is checked; the first wrong one ends the run.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::ask::Ask;
use crate::connection::{Answer, Connection};
use crate::mix::Mix;
use crate::object::Object;
use crate::verdict::Reader;

/// Who is asked, and how.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub address: SocketAddr,
    pub reader: Reader,
    pub connections: usize,
    pub pace: Pace,
}

#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection asks as soon as it has its last answer.
    Closed,
    /// So many requests a second over all connections, however long the answers take.
    PerSecond(u32),
}

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub requests: u64,
    pub elapsed: Duration,
}

impl Load {
    /// Asks for everything, in order, and shows each answer with the time it took: from when it was due, where all
    /// connections were busy then.
    pub fn run(&self, asks: impl Iterator<Item = Rc<Ask>>, see: impl FnMut(&Ask, Answer, Duration)) -> Result<Done> {
        let (asks, see, done) = (RefCell::new(asks), RefCell::new(see), Cell::new(0));
        let start = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = async || {
            let mut connection = Connection::open(self.address, self.reader).await?;
            loop {
                let Some(ask) = asks.borrow_mut().next() else { return Ok::<(), anyhow::Error>(()) };
                let number = done.replace(done.get() + 1);
                let begin = self.turn(start, number).await;
                let answer = connection.exchange(&ask).await?;
                see.borrow_mut()(&ask, answer, begin.elapsed());
            }
        };
        runtime.block_on(try_join_all((0..self.connections).map(|_| connection())))?;
        Ok(Done { requests: done.get(), elapsed: start.elapsed() })
    }

    /// Waits until a request is due.
    async fn turn(&self, start: Instant, number: u64) -> Instant {
        let now = Instant::now();
        let Pace::PerSecond(rate) = self.pace else { return now };
        let due = start + Duration::from_secs_f64(number as f64 / f64::from(rate));
        if due <= now {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        Instant::now()
    }
}

/// A workload spelled out for the wire.
pub struct Script {
    /// Places in `objects`, in the order they are asked for.
    steps: Vec<usize>,
    objects: Vec<Rc<Ask>>,
}

impl Script {
    pub fn new(mix: &Mix) -> Self {
        let spell = |(number, &bytes): (usize, &usize)| Rc::new(Ask::bare(Object::plain(number as u32, bytes)));
        Self { steps: mix.requests.clone(), objects: mix.sizes.iter().enumerate().map(spell).collect() }
    }

    /// Asks for every object once, on one connection.
    pub fn fill(&self, load: &Load) -> Result<()> {
        let load = Load { connections: 1, ..*load };
        load.run(self.objects.iter().cloned(), |_, _, _| ()).map(|_| ())
    }

    /// Asks for `duration`.
    pub fn run(&self, load: &Load, duration: Duration) -> Result<Done> {
        self.watch(load, duration, |_, _, _| ())
    }

    /// The same, and shows the answers.
    pub fn watch(&self, load: &Load, duration: Duration, see: impl FnMut(&Ask, Answer, Duration)) -> Result<Done> {
        let end = Instant::now() + duration;
        let asks = self.steps.iter().cycle().map(|&step| self.objects[step].clone());
        load.run(asks.take_while(|_| Instant::now() < end), see)
    }
}
