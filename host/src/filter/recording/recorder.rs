//! A recording under way, as the exchanges see it: which of them take part, and where their tapes go.
//!
//! Tapes come in from every worker; each becomes one line, which waits for `Recording` to take it. Nobody waits here:
//! where lines are not taken in time, the next ones are counted and left out.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::super::isolation::image::Image;
use super::picture;
use super::trace::{Exchange, Line};

/// Exchanges that are recorded at a time: each may hold `EXCHANGE_BYTES_MAX`.
const UNDER_WAY_MAX: usize = 64;

/// Lines that wait to be taken.
pub(in crate::filter) const WAITING_MAX: usize = 64;

/// What one exchange may take of a trace: some 3,000 host calls.
pub(in crate::filter) const EXCHANGE_BYTES_MAX: usize = 1 << 20;

/// Of a hundred.
const ALL: u8 = 100;

pub(in crate::filter) struct Recorder {
    percent: u8,
    until: Instant,
    lines: mpsc::Sender<Bytes>,
    under_way: AtomicUsize,
    over: AtomicBool,
    /// Images that have a line. They are not kept: a filter may only have so many at a time.
    images: Mutex<Vec<Weak<Image>>>,
    pub(in crate::filter) too_large: AtomicU64,
    pub(in crate::filter) too_fast: AtomicU64,
}

impl Recorder {
    pub(in crate::filter) fn new((percent, until): (u8, Instant), lines: mpsc::Sender<Bytes>) -> Self {
        Self {
            percent,
            until,
            lines,
            under_way: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            images: Mutex::default(),
            too_large: AtomicU64::new(0),
            too_fast: AtomicU64::new(0),
        }
    }

    /// Puts a line behind those that wait, where there is room.
    pub(in crate::filter) fn tell(&self, line: &Line) {
        if let Some(line) = written(line) {
            // Whoever took the lines may be gone; then there is nobody to tell.
            let _ = self.lines.try_send(line);
        }
    }

    /// Takes no more exchanges.
    pub(in crate::filter) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended, also where nobody looks after it any more.
    pub(in crate::filter) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    /// Whether an exchange that comes now is recorded. Each one that is must be handed in.
    pub(in crate::filter) fn admit(&self) -> bool {
        if self.is_over() || (self.percent < ALL && fastrand::u8(..ALL) >= self.percent) {
            return false;
        }
        let room = |count: usize| (count < UNDER_WAY_MAX).then_some(count + 1);
        let admitted = self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if !admitted {
            self.too_fast.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// The number of an image, which gets its line now where it has none; `None` where it cannot have one.
    pub(in crate::filter) fn number(&self, image: &Arc<Image>) -> Option<u32> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let known = images.iter().position(|known| known.as_ptr() == Arc::as_ptr(image));
        let index = match known {
            Some(index) => index,
            None => {
                let number = u32::try_from(images.len()).ok()?;
                let line = Line::Image(picture::of(image, number)?);
                self.lines.try_send(written(&line)?).ok()?;
                images.push(Arc::downgrade(image));
                images.len() - 1
            }
        };
        u32::try_from(index).ok()
    }

    /// Takes an exchange that was admitted and never began.
    pub(in crate::filter) fn give_up(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes what was noted of an exchange; `None` for one that was too large.
    pub(in crate::filter) fn hand_in(&self, exchange: Option<Exchange>) {
        self.give_up();
        if self.over.load(Ordering::Relaxed) {
            return;
        }
        let Some(exchange) = exchange else {
            self.too_large.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let line = written(&Line::Exchange(exchange));
        if line.is_none_or(|line| self.lines.try_send(line).is_err()) {
            self.too_fast.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A line with its end.
pub(in crate::filter) fn written(line: &Line) -> Option<Bytes> {
    let mut text = serde_json::to_vec(line).ok()?;
    text.push(b'\n');
    Some(text.into())
}
