//! The checked configuration of filters: modules, settings, bounds, and where they are entered.
//!
//! A part of `model`, and like it plain data with every default filled in.

use std::path::PathBuf;
use std::time::Duration;

use http::Method;

/// `[filter_limits]`: bounds of every filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterLimits {
    /// CPU time of one callback.
    pub callback_deadline: Duration,
    /// CPU time of loading: start, vm start and configure.
    pub configure_deadline: Duration,
    /// Linear memory of one instance.
    pub memory_bytes_max: u64,
    pub table_elements_max: u64,
    pub module_bytes_max: u64,
    /// Log bytes of one exchange and filter.
    pub log_bytes_max: u64,
    /// Metric series that one filter may define.
    pub metric_series_max: usize,
    /// Shared data and queued messages of the filters of one `vm`.
    pub shared_data_bytes_max: usize,
    /// Messages of one shared queue.
    pub queue_length_max: usize,
    /// A header section after a filter's changes.
    pub header_count_max: usize,
    pub header_bytes_max: usize,
    /// What one filter may hold back of a body, and the most of a call's body and of its answer's.
    pub body_buffer_max: usize,
    /// Calls that the filters of one exchange may make, and that a plugin may have under way by itself.
    pub calls_max: usize,
    /// From a call to the end of its answer, whatever longer time a filter asks for.
    pub call_timeout_max: Duration,
    /// How long a filter may hold an exchange back, or outlive it, for one pause.
    pub pause_max: Duration,
    /// Exchanges failed in a row after which a filter is no longer entered; 0 enters it always.
    pub breaker_failures: usize,
    /// From then to the exchange that tries it again.
    pub breaker_cooldown: Duration,
    /// The least time between two ticks.
    pub tick_min: Duration,
    /// How long a plugin may take to end.
    pub done_max: Duration,
    /// Instances of one filter and settings that live at once.
    pub instances_max: usize,
}

/// `[filters.NAME]`: a module and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub name: String,
    /// Filters with the same one share data and queues; a filter's own name where none is given.
    pub vm: String,
    /// Absolute.
    pub module: PathBuf,
    /// The module's digest, in lower-case hexadecimal; refused at load where it differs.
    pub sha256: Option<String>,
    /// `settings` as JSON text, or the string itself where `settings` is a string; empty where there is none.
    pub settings: String,
    /// The same of `vm_settings`.
    pub vm_settings: String,
    /// By which a module with several plugins in it knows which one it is.
    pub root_id: String,
    pub on_error: OnError,
    pub isolation: Isolation,
    /// On which side of the cache, if a route says nothing else.
    pub at: Side,
    pub header_pause: HeaderPause,
    /// Where it is entered, if a route says nothing else.
    pub condition: FilterCondition,
    pub canary: Option<FilterCanary>,
}

impl Filter {
    /// A filter of which nothing else is said.
    pub fn new(name: impl Into<String>, module: PathBuf, settings: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            vm: name.clone(),
            name,
            module,
            sha256: None,
            settings: settings.into(),
            vm_settings: String::new(),
            root_id: String::new(),
            on_error: OnError::FailClosed,
            isolation: Isolation::Request,
            at: Side::Client,
            header_pause: HeaderPause::All,
            condition: FilterCondition::default(),
            canary: None,
        }
    }
}

/// `[filters.NAME.canary]`: another version of a filter, for a part of its exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterCanary {
    /// Absolute.
    pub module: PathBuf,
    pub sha256: Option<String>,
    /// Of the exchanges.
    pub percent: u8,
    /// In the place of the filter's own, where a route has none.
    pub settings: Option<String>,
}

/// Which requests a filter is entered for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterCondition {
    /// Prefixes that end at a segment boundary; none are all paths.
    pub paths: Vec<String>,
    /// None are all methods.
    pub methods: Vec<Method>,
}

/// One element of a route's `filters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFilter {
    /// The name of the filter.
    pub name: String,
    /// In the place of the filter's own, in the same form.
    pub settings: Option<String>,
    pub at: Side,
    pub condition: FilterCondition,
}

/// The side of the cache that a filter works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Around every exchange with a client.
    Client,
    /// Around every fetch from an origin: what it makes of a response is what is stored.
    Origin,
}

impl Side {
    /// The word, as `at` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Origin => "origin",
        }
    }
}

/// What an exchange finds in a filter of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing: every exchange finds the filter as it was configured.
    Request,
    /// Whatever they left there, on the same worker.
    Shared,
}

/// What a filter holds back that pauses at headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderPause {
    /// Headers and body.
    All,
    /// Headers; it sees the body meanwhile.
    Headers,
}

/// What an exchange answers when its filter fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// 500 with `Proxy-Status`.
    FailClosed,
    /// Go on as if the filter were not there.
    FailOpen,
}
