//! Filters loaded as a node loads them, and exchanges run through them.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, response};
use prometheus::{Registry, TextEncoder};
use tempfile::TempDir;

use super::super::abi::Abi;
use super::super::profile::Profile;
use super::super::rollout::version::Version;
use super::super::state::no_request;
use super::super::{Chain, EndOfStream, Environment, Filters, LoadError, Run, Stream, Verdict, Wanted};
use crate::clock::{Clock, Timestamp};
use crate::config::{Filter, FilterCondition, FilterLimits, Route, RouteFilter, Side};
use crate::semantics::RequestHead;

/// Limits that no test meets by chance: deadlines stay far away from a busy machine's pauses.
pub(in crate::filter) fn limits() -> FilterLimits {
    FilterLimits {
        callback_deadline: Duration::from_secs(20),
        configure_deadline: Duration::from_secs(20),
        memory_bytes_max: 1 << 20,
        table_elements_max: 1000,
        module_bytes_max: 1 << 20,
        log_bytes_max: 1000,
        metric_series_max: 8,
        shared_data_bytes_max: 4000,
        queue_length_max: 3,
        header_count_max: 40,
        header_bytes_max: 4000,
        body_buffer_max: 64,
        calls_max: 4,
        call_timeout_max: Duration::from_secs(20),
        pause_max: Duration::from_secs(30),
        breaker_failures: 0,
        breaker_cooldown: Duration::from_secs(10),
        tick_min: Duration::from_millis(10),
        done_max: Duration::from_secs(5),
        instances_max: 1000,
    }
}

/// A filter that nothing is known of.
pub(in crate::filter) fn profile() -> Arc<Profile> {
    let filter = Filter::new("probe", "".into(), "");
    Arc::new(Profile::new(&filter, (Version::of(b""), Abi::V0_2_1), &limits(), &Node::new().environment))
}

/// A folder of modules, the filters configured from them, and what they run in.
pub(super) struct Node {
    folder: TempDir,
    pub(super) filters: Vec<Filter>,
    pub(super) limits: FilterLimits,
    pub(super) clock: Clock,
    pub(super) registry: Registry,
    pub(super) environment: Environment,
}

impl Node {
    pub(super) fn new() -> Self {
        Self::of_workers(1)
    }

    pub(super) fn of_workers(workers: usize) -> Self {
        let registry = Registry::new();
        let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000)));
        let environment = Environment::new(&registry, clock.clone(), workers, "edge-1").unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { folder, filters: Vec::new(), limits: limits(), clock, registry, environment }
    }

    /// Adds a filter, and gives it back to be changed.
    pub(super) fn add(&mut self, name: &str, module: &[u8]) -> &mut Filter {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, module).unwrap();
        self.filters.push(Filter::new(name, path, ""));
        self.filters.last_mut().unwrap()
    }

    pub(super) fn load(&self) -> Result<Filters, Vec<LoadError>> {
        Filters::load(&self.wanted(&[]), &self.environment)
    }

    pub(super) fn wanted<'a>(&'a self, routes: &'a [Route]) -> Wanted<'a> {
        Wanted { filters: &self.filters, limits: &self.limits, routes, cache: None }
    }

    /// The one fault of a load that fails.
    pub(super) fn fault(&self) -> String {
        let errors = self.load().expect_err("the load should fail");
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].to_string()
    }

    /// All filters in the order they were added.
    pub(super) fn chain(&self) -> Chain {
        let filters = self.load().unwrap_or_else(|errors| panic!("{errors:?}"));
        filters.chain(&self.elements()).unwrap()
    }

    /// A route's `filters` that names all of them.
    pub(super) fn elements(&self) -> Vec<RouteFilter> {
        let element = |filter: &Filter| RouteFilter { condition: filter.condition.clone(), ..element(&filter.name) };
        self.filters.iter().map(element).collect()
    }

    /// All metrics as Prometheus would read them.
    pub(super) fn metrics(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap()
    }

    /// The line of `metrics` that is about `series`.
    pub(super) fn metric(&self, series: &str) -> Option<String> {
        self.metrics().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
    }
}

/// A route's element that takes the filter as it is, for every request.
pub(super) fn element(name: &str) -> RouteFilter {
    RouteFilter { name: name.to_owned(), settings: None, at: Side::Client, condition: FilterCondition::default() }
}

/// A chain of one filter with default limits.
pub(super) fn chain_of(module: &[u8]) -> Chain {
    let mut node = Node::new();
    node.add("probe", module);
    node.chain()
}

pub(super) fn stream() -> Stream {
    Stream {
        connection_id: 7,
        source: "192.0.2.9:4711".parse().unwrap(),
        destination: "192.0.2.1:443".parse().unwrap(),
        request_id: "req-1".into(),
        route: "docs".into(),
        origin: "site".into(),
        side: Side::Client,
        started: Timestamp::from_unix(Duration::from_secs(999)),
    }
}

pub(super) fn request() -> RequestHead {
    let headers = Request::builder()
        .header("accept", "text/html")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("user-agent", "probe/1");
    RequestHead {
        authority: "docs.example.com".parse().unwrap(),
        path: "/guide?page=2".parse().unwrap(),
        headers: headers.body(()).unwrap().into_parts().0.headers,
        ..no_request()
    }
}

pub(super) fn response() -> response::Parts {
    let response = Response::builder().status(200).header("content-type", "text/html").header("content-length", "12");
    response.body(()).unwrap().into_parts().0
}

/// Phases in which no filter waits.
impl Run {
    pub(super) fn ask(&mut self, request: &mut RequestHead, end: EndOfStream) -> Verdict {
        self.on_request(request, end).now_or_never().expect("no filter waits")
    }

    pub(super) fn tell(
        &mut self,
        request: &mut RequestHead,
        response: &mut response::Parts,
        end: EndOfStream,
    ) -> Verdict {
        self.on_response(request, response, end).now_or_never().expect("no filter waits")
    }
}

/// Runs the request phase of a fresh exchange.
pub(super) fn run_request(chain: &Chain) -> (Run, RequestHead, Verdict) {
    let mut run = chain.begin(stream());
    let mut head = request();
    let verdict = run.ask(&mut head, EndOfStream::Yes);
    (run, head, verdict)
}

/// Runs both phases of a fresh exchange, whose request phase must go on.
pub(super) fn run_both(chain: &Chain) -> (Run, response::Parts, Verdict) {
    let (mut run, mut head, verdict) = run_request(chain);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    let mut parts = response();
    let verdict = run.tell(&mut head, &mut parts, EndOfStream::No);
    (run, parts, verdict)
}

/// All values of one header.
pub(super) fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// What the host calls of a guest answered.
pub(super) fn statuses(headers: &HeaderMap) -> Vec<u32> {
    values(headers, "x-status").iter().map(|status| status.parse().unwrap()).collect()
}

/// What the log said while `work` ran.
pub(super) fn logged(work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer({
            let lines = lines.clone();
            move || lines.clone()
        })
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
