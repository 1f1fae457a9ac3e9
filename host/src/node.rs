//! A node: everything put together, one thread per worker, and taken down in good order.
//!
//! The only place that knows all parts. `Node::start` binds before it spawns, so that a port in use is an error and not a
//! log line; `Node::drain` stops accepting, lets running exchanges finish, and closes what is left at its deadline.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGaugeVec, Opts, Registry};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::admin::{self, Health};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::exchange::{Edge, EdgeError, Outcalls, Parts};
use crate::filter::{Environment, Filters, LoadError, Wanted};
use crate::listener::{self, Acceptor, Bound, Drain, Drainer};
use crate::origin::Origins;
use crate::telemetry::{AccessLog, Sink};
use crate::worker;

/// A running node. Dropping it closes everything at once; `drain` is the way to take it down.
pub struct Node {
    listeners: Vec<SocketAddr>,
    admin: SocketAddr,
    drainer: Drainer,
    drain_timeout: Duration,
    health: Health,
    access: Option<AccessLog>,
    edge: Arc<Edge>,
    /// Ends every thread's runtime.
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{what} {address}: cannot listen")]
    Bind { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("{}", list(.0))]
    Filters(Vec<LoadError>),
    #[error(transparent)]
    Edge(#[from] EdgeError),
    #[error("the access log cannot be opened: {0}")]
    AccessLog(io::Error),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("a thread or its runtime cannot be made: {0}")]
    Thread(io::Error),
}

fn list(errors: &[LoadError]) -> String {
    errors.iter().map(LoadError::to_string).collect::<Vec<_>>().join("\n")
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every exchange was finished.
    Clean,
    /// The deadline came first; what was left was cut off.
    CutOff,
}

impl Node {
    /// Starts a node on the real clock.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_at(config, Clock::system())
    }

    /// Starts a node that reads the time from `clock`.
    pub fn start_at(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let registry = Registry::new();
        describe_process(&registry)?;
        let access = open_access_log(&config.log, &registry)?;
        let keepers = new_runtime()?;
        let environment = Environment::new(&registry, clock.clone(), config.node.workers, &config.node.name)?;
        let environment = environment.keeping(keepers.handle().clone());
        let edge = Arc::new(assemble(config, access.clone(), (&environment, clock), &registry)?);
        let bound = bind_all(config)?;
        let metrics = listener::Metrics::register(&registry)?;
        let health = Health::default();
        let (drainer, drain) = Drainer::new();
        let (stop, stopped) = watch::channel(false);
        let mut node = Self {
            listeners: bound.listeners.iter().map(|bound| bound.address).collect(),
            admin: bound.admin.address,
            drainer,
            drain_timeout: config.node.drain_timeout,
            health: health.clone(),
            access,
            edge: edge.clone(),
            stop,
            threads: Vec::new(),
        };
        let doors = config.listeners.iter().zip(bound.listeners);
        let mut sockets: Vec<Vec<(Acceptor, std::net::TcpListener)>> =
            (0..config.node.workers).map(|_| Vec::new()).collect();
        for (config, bound) in doors {
            let acceptor = Acceptor::new(config.clone(), edge.clone(), &metrics);
            for (worker, socket) in sockets.iter_mut().zip(bound.sockets) {
                worker.push((acceptor.clone(), socket));
            }
        }
        for (index, doors) in sockets.into_iter().enumerate() {
            let work = Work { index, doors, drain: drain.clone(), stopped: stopped.clone() };
            node.threads.push(spawn(format!("worker-{index}"), move |runtime| work.run(runtime))?);
        }
        drop(drain);
        let closing = stopped.clone();
        node.threads.push(spawn_on(keepers, "filters".to_owned(), move |runtime| keep(runtime, environment, closing))?);
        let state = admin::State { registry, health, edge, token: config.admin.token.clone() };
        node.threads.push(spawn("admin".to_owned(), move |runtime| serve_admin(runtime, bound.admin, state, stopped))?);
        node.health.set_ready(true);
        Ok(node)
    }

    /// The addresses that clients connect to, in the configuration's order.
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Opens log files again under their names, after a rotation.
    pub fn reopen_logs(&self) {
        if let Some(log) = &self.access {
            log.reopen();
        }
    }

    /// What can read the configuration again; it is called off the loop, as it compiles.
    pub fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }

    /// Takes the node down: not ready at once, no new connections, running exchanges finish until `drain_timeout`.
    pub async fn drain(self) -> Drained {
        self.health.set_ready(false);
        self.drainer.start();
        let finished = tokio::time::timeout(self.drain_timeout, self.drainer.finished()).await;
        if finished.is_ok() { Drained::Clean } else { Drained::CutOff }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing to say any more; the panic itself was printed.
            let _ = thread.join();
        }
    }
}

/// Loads and connects the parts that answer requests.
fn assemble(
    config: &Config,
    access: Option<AccessLog>,
    (environment, clock): (&Environment, Clock),
    registry: &Registry,
) -> Result<Edge, StartError> {
    let origins = Origins::new(config, registry)?;
    let name = &config.node.name;
    let outcalls = Arc::new(Outcalls::new(&origins, name).map_err(|_| EdgeError::Name(name.clone()))?);
    let environment = environment.clone().calling(outcalls.clone());
    let filters = Filters::load(&Wanted::of(config), &environment).map_err(StartError::Filters)?;
    let parts = Parts {
        cache: Cache::new(&config.cache, clock.clone(), registry)?,
        origins,
        outcalls,
        filters,
        environment,
        clock,
        access,
    };
    Ok(Edge::new(config, parts, registry)?)
}

/// Loads the filters of a configuration and throws them away again: what `forebay check` does beyond reading the file.
/// The faults of all that cannot be used.
pub fn check_filters(config: &Config) -> Result<Vec<LoadError>, StartError> {
    let environment = Environment::new(&Registry::new(), Clock::system(), 1, &config.node.name)?;
    Ok(Filters::load(&Wanted::of(config), &environment).err().unwrap_or_default())
}

struct Sockets {
    listeners: Vec<Bound>,
    admin: Bound,
}

fn bind_all(config: &Config) -> Result<Sockets, StartError> {
    let bind = |what, address, workers| {
        listener::bind(address, workers).map_err(|source| StartError::Bind { what, address, source })
    };
    let listeners = config.listeners.iter().map(|l| bind("listener", l.address, config.node.workers));
    Ok(Sockets { listeners: listeners.collect::<Result<_, _>>()?, admin: bind("admin", config.admin.address, 1)? })
}

fn describe_process(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::for_self()))?;
    let build = IntGaugeVec::new(Opts::new("forebay_build_info", "Always 1; the labels say what runs"), &["version"])?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build))
}

fn open_access_log(log: &config::Log, registry: &Registry) -> Result<Option<AccessLog>, StartError> {
    let sink = match &log.access {
        config::AccessLog::Off => return Ok(None),
        config::AccessLog::Stderr => Sink::Stderr,
        config::AccessLog::Stdout => Sink::Stdout,
        config::AccessLog::File(path) => Sink::File(path.clone()),
    };
    AccessLog::open(sink, registry).map(Some).map_err(StartError::AccessLog)
}

/// A named thread with a runtime of its own.
fn spawn(name: String, run: impl FnOnce(Runtime) + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    spawn_on(new_runtime()?, name, run)
}

fn new_runtime() -> Result<Runtime, StartError> {
    Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)
}

fn spawn_on(
    runtime: Runtime,
    name: String,
    run: impl FnOnce(Runtime) + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new().name(name).spawn(move || run(runtime)).map_err(StartError::Thread)
}

/// One worker: its sockets, and the two words that end it.
struct Work {
    index: usize,
    doors: Vec<(Acceptor, std::net::TcpListener)>,
    drain: Drain,
    stopped: watch::Receiver<bool>,
}

impl Work {
    fn run(mut self, runtime: Runtime) {
        worker::enter(self.index);
        runtime.block_on(async {
            for (acceptor, socket) in self.doors {
                let drain = self.drain.clone();
                tokio::spawn(async move {
                    if let Err(error) = acceptor.run(socket, drain).await {
                        tracing::error!(%error, "a listener ended");
                    }
                });
            }
            // Only acceptors and connections may keep the drain waiting.
            drop(self.drain);
            wait_for_stop(&mut self.stopped).await;
        });
        runtime.shutdown_background();
    }
}

/// The thread on which filters run their own callbacks: what they take of it no exchange waits for.
fn keep(runtime: Runtime, environment: Environment, mut stopped: watch::Receiver<bool>) {
    runtime.block_on(async {
        wait_for_stop(&mut stopped).await;
        environment.close().await;
    });
    runtime.shutdown_background();
}

fn serve_admin(runtime: Runtime, bound: Bound, state: admin::State, mut stopped: watch::Receiver<bool>) {
    runtime.block_on(async {
        for socket in bound.sockets {
            tokio::spawn(admin::serve(socket, state.clone()));
        }
        wait_for_stop(&mut stopped).await;
    });
    runtime.shutdown_background();
}

async fn wait_for_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the node is gone.
    let _ = stopped.wait_for(|stop| *stop).await;
}
