//! A recording under way, as whoever asked for it sees it: the lines of its trace, until a bound is met.
//!
//! Dropping it ends it. The plugins that ran when it began take part; what a reload brings meanwhile does not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use xxhash_rust::xxh3::Xxh3Default;

use super::super::hostcalls;
use super::super::one_line::one_line;
use super::super::plugin::Plugin;
use super::desk::{Desk, Session};
use super::picture::MEMORY_BYTES_MAX;
use super::recorder::{Recorder, WAITING_MAX, written};
use super::trace::{End, FORMAT, FilterFacts, Line, Reason, Title};

/// How much is recorded: whatever comes first ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBounds {
    pub exchanges: u64,
    pub duration: Duration,
    /// Of the trace.
    pub bytes: u64,
    /// Of the exchanges that come, how many take part.
    pub percent: u8,
}

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordRefusal {
    #[error("no filter has this name")]
    Unknown,
    #[error("another recording of this filter is under way")]
    Busy,
    #[error(
        "its exchanges do not each begin with one image, as under isolation = \"shared\": none could be run again alone"
    )]
    NoImage,
    #[error("its memory is larger than {MEMORY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("its calls cannot be tapped: {0}")]
    Sandbox(String),
}

impl RecordRefusal {
    /// The stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_filter",
            Self::Busy => "recording",
            Self::NoImage => "no_image",
            Self::TooLarge => "too_large",
            Self::Sandbox(_) => "sandbox",
        }
    }
}

pub struct Recording {
    recorder: Arc<Recorder>,
    desks: Vec<Arc<Desk>>,
    lines: mpsc::Receiver<Bytes>,
    bounds: RecordBounds,
    until: Instant,
    exchanges: u64,
    bytes: u64,
    sum: Xxh3Default,
    over: bool,
}

impl Recording {
    /// Begins to record `plugins`, all of them builds of one filter.
    pub(in crate::filter) fn begin(plugins: &[&Arc<Plugin>], bounds: RecordBounds) -> Result<Self, RecordRefusal> {
        let Some(first) = plugins.first() else { return Err(RecordRefusal::Unknown) };
        // A line for the title, and two for each plugin.
        let (sender, lines) = mpsc::channel(WAITING_MAX + 1 + 2 * plugins.len());
        let until = Instant::now() + bounds.duration;
        let recorder = Arc::new(Recorder::new((bounds.percent, until.into_std()), sender));
        let profile = &first.profile;
        recorder.tell(&Line::Trace(Title {
            format: FORMAT,
            filter: profile.name.to_string(),
            node: profile.node_name.to_string(),
            began: profile.clock.now().unix_nanos(),
        }));
        let (exchanges, bytes, sum) = (0, 0, Xxh3Default::new());
        let mut recording =
            Self { recorder, desks: Vec::new(), lines, bounds, until, exchanges, bytes, sum, over: false };
        for (number, plugin) in (0..).zip(plugins) {
            recording.attend(plugin, number)?;
        }
        Ok(recording)
    }

    fn attend(&mut self, plugin: &Plugin, number: u32) -> Result<(), RecordRefusal> {
        let (image, code) = plugin.recordable().ok_or(RecordRefusal::NoImage)?;
        let code = hostcalls::tapped(code).map_err(|error| RecordRefusal::Sandbox(one_line(&format!("{error:#}"))))?;
        self.recorder.tell(&Line::Filter(facts(plugin, number)));
        self.recorder.number(&image).ok_or(RecordRefusal::TooLarge)?;
        let (recorder, clock) = (self.recorder.clone(), plugin.profile.clock.clone());
        if !plugin.desk.open(Session { recorder, filter: number, code, clock }) {
            return Err(RecordRefusal::Busy);
        }
        self.desks.push(plugin.desk.clone());
        Ok(())
    }

    /// The next line, whole; `None` behind the last.
    pub async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if self.exchanges >= self.bounds.exchanges {
            return self.end(Reason::Exchanges);
        }
        let line = tokio::select! {
            biased;
            line = self.lines.recv() => line,
            () = sleep_until(self.until) => None,
        };
        let Some(line) = line else { return self.end(Reason::Seconds) };
        if self.bytes + line.len() as u64 > self.bounds.bytes {
            return self.end(Reason::Bytes);
        }
        self.bytes += line.len() as u64;
        self.exchanges += u64::from(line.starts_with(b"{\"exchange\""));
        self.sum.update(&line);
        Some(line)
    }

    fn end(&mut self, reason: Reason) -> Option<Bytes> {
        self.over = true;
        self.close();
        let end = Line::End(End {
            reason,
            exchanges: self.exchanges,
            too_large: self.recorder.too_large.load(Ordering::Relaxed),
            too_fast: self.recorder.too_fast.load(Ordering::Relaxed),
            xxh3: format!("{:032x}", self.sum.digest128()),
        });
        written(&end)
    }

    fn close(&self) {
        self.recorder.end();
        self.desks.iter().for_each(|desk| desk.close(&self.recorder));
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.close();
    }
}

fn facts(plugin: &Plugin, number: u32) -> FilterFacts {
    let profile = &plugin.profile;
    let limits = &profile.limits;
    FilterFacts {
        number,
        sha256: profile.version.digits(),
        vm: profile.vm.name.to_string(),
        settings: String::from_utf8_lossy(&profile.settings).into_owned(),
        vm_settings: String::from_utf8_lossy(&profile.vm_settings).into_owned(),
        root_id: profile.root_id.to_string(),
        memory_bytes_max: limits.memory_bytes_max,
        table_elements_max: limits.table_elements_max,
        log_bytes_max: limits.log_bytes_max,
        header_count_max: limits.header_count_max,
        header_bytes_max: limits.header_bytes_max,
        body_buffer_max: limits.body_buffer_max,
    }
}
