//! One line per exchange, written behind the workers' backs.
//!
//! A worker formats its line into a shared buffer and goes on; one thread writes the buffer out several times a second.
//! Where the writer cannot keep up, lines are dropped and counted, and no request ever waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::{IntCounter, Registry};

/// How long a line may wait before it is written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// The writer is woken early at this many bytes.
const FLUSH_BYTES: usize = 64 * 1024;
/// Lines beyond this many unwritten bytes are dropped: several seconds of a full node.
const BUFFER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    Stderr,
    Stdout,
    File(PathBuf),
}

/// Anything that can write itself as a line, without its newline.
pub trait Line {
    fn write(&self, line: &mut Vec<u8>);
}

/// The access log. Dropping the last clone writes what is left.
#[derive(Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
    _writer: Arc<Writer>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    dropped: IntCounter,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    reopen: bool,
    closed: bool,
}

struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl AccessLog {
    /// Opens the sink and starts the writing thread.
    pub fn open(sink: Sink, registry: &Registry) -> io::Result<Self> {
        let dropped =
            IntCounter::new("forebay_log_dropped_total", "Access log lines lost because writing was slow or failed")
                .map_err(io::Error::other)?;
        registry.register(Box::new(dropped.clone())).map_err(io::Error::other)?;
        let output = Output::open(&sink)?;
        let shared = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new(), dropped });
        let thread = std::thread::Builder::new().name("access-log".into()).spawn({
            let shared = shared.clone();
            move || write_until_closed(&shared, &sink, output)
        })?;
        let writer = Arc::new(Writer { shared: shared.clone(), thread: Some(thread) });
        Ok(Self { shared, _writer: writer })
    }

    pub fn write(&self, line: &impl Line) {
        let mut state = self.shared.lock();
        if state.buffer.len() > BUFFER_BYTES_MAX {
            drop(state);
            self.shared.dropped.inc();
            return;
        }
        let before = state.buffer.len();
        line.write(&mut state.buffer);
        state.buffer.push(b'\n');
        if before < FLUSH_BYTES && state.buffer.len() >= FLUSH_BYTES {
            self.shared.wake.notify_one();
        }
    }

    /// Opens the file again under its name, after a log rotation moved it.
    pub fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

enum Output {
    Stderr,
    Stdout,
    File(File),
}

impl Output {
    fn open(sink: &Sink) -> io::Result<Self> {
        Ok(match sink {
            Sink::Stderr => Self::Stderr,
            Sink::Stdout => Self::Stdout,
            Sink::File(path) => Self::File(OpenOptions::new().create(true).append(true).open(path)?),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().write_all(bytes),
            Self::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            Self::File(file) => file.write_all(bytes),
        }
    }
}

fn write_until_closed(shared: &Shared, sink: &Sink, mut output: Output) {
    let mut lines = Vec::new();
    let mut failing = false;
    loop {
        let state = shared.lock();
        let (mut state, _) = shared
            .wake
            .wait_timeout_while(state, FLUSH_INTERVAL, |s| s.buffer.len() < FLUSH_BYTES && !s.closed && !s.reopen)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.buffer, &mut lines);
        let (closed, reopen) = (state.closed, std::mem::take(&mut state.reopen));
        drop(state);
        let written = if lines.is_empty() { Ok(()) } else { output.write_all(&lines) };
        let reopened = if reopen { Output::open(sink).map(|fresh| output = fresh) } else { Ok(()) };
        match written.and(reopened) {
            Err(error) => {
                let lost = lines.iter().filter(|byte| **byte == b'\n').count();
                shared.dropped.inc_by(u64::try_from(lost).unwrap_or(u64::MAX));
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "access log cannot be written");
                }
            }
            Ok(()) => failing = false,
        }
        lines.clear();
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(&'static str);

    impl Line for Text {
        fn write(&self, line: &mut Vec<u8>) {
            line.extend_from_slice(self.0.as_bytes());
        }
    }

    #[test]
    fn every_line_is_on_disk_when_the_log_is_dropped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("access.log");
        let log = AccessLog::open(Sink::File(path.clone()), &Registry::new()).expect("opened");
        for _ in 0..1_000 {
            log.write(&Text("a line"));
        }
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "a line\n".repeat(1_000));
    }

    #[test]
    fn a_reopened_log_writes_to_a_new_file_of_its_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let log = AccessLog::open(Sink::File(path.clone()), &Registry::new()).expect("opened");
        log.write(&Text("old"));
        std::fs::rename(&path, &moved).expect("moved");
        log.reopen();
        while !path.exists() {
            std::thread::yield_now();
        }
        log.write(&Text("new"));
        drop(log);
        assert_eq!(std::fs::read_to_string(&moved).expect("readable"), "old\n");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "new\n");
    }
}
