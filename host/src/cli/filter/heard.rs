//! What a filter says while it runs: its log lines, and the host's own about it.
//!
//! A subscriber of this thread keeps them, so that cases can ask for a line and a failure can show its cause.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Under which guests speak.
const GUEST: &str = "forebay::guest";

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) text: String,
    /// The guest's own, or the host's about it.
    pub(super) speaker: Speaker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Guest,
    Host,
}

/// Runs `work` and keeps what is said in it, on this thread.
pub(super) fn listen<T>(work: impl FnOnce() -> T) -> (T, Vec<Line>) {
    let ear = Ear::default();
    let lines = ear.0.clone();
    let done = subscriber::with_default(tracing_subscriber::registry().with(ear), work);
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (done, lines)
}

#[derive(Default)]
struct Ear(Arc<Mutex<Vec<Line>>>);

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let speaker = match metadata.target() {
            GUEST => Speaker::Guest,
            target if target.starts_with("forebay::filter") => Speaker::Host,
            _ => return,
        };
        let mut text = Text { message: String::new(), fields: String::new(), speaker };
        event.record(&mut text);
        let text = format!("{}{}", text.message, text.fields);
        let line = Line { level: *metadata.level(), text, speaker };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// A guest's line is its message; the host's has its fields too.
struct Text {
    message: String,
    fields: String,
    speaker: Speaker,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match (field.name(), self.speaker) {
            ("message", _) => self.message = format!("{value:?}"),
            ("filter" | "request_id", _) | (_, Speaker::Guest) => {}
            (name, Speaker::Host) => self.fields.push_str(&format!(" {name}={value:?}")),
        }
    }
}
