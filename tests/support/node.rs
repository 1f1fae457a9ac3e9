//! A node in the test's own process, with a clock that only the test moves.
//!
//! Ports are the system's choice, files lie in a temporary folder, and everything ends with the `TestNode`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay::clock::{Clock, Timestamp};
use forebay::config::{self, Config};
use forebay::node::{Drained, Node, StartError};
use tempfile::TempDir;

use crate::client::{RawClient, get};
use crate::exposition::Exposition;
use crate::message::Response;
use crate::origin::Origin;
use crate::patience::patiently;

/// When the clock of every test starts: 2027-01-15T08:00:00Z.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// Tables that a test gets where it does not write them itself.
const DEFAULTS: [(&str, &str); 4] = [
    ("[node]", "name = \"edge-1\"\nworkers = 2\n"),
    ("[[listener]]", "name = \"front\"\naddress = \"127.0.0.1:0\"\n"),
    ("[admin]", "address = \"127.0.0.1:0\"\n"),
    ("[log]", "access = \"./access.log\"\n"),
];

pub struct TestNode {
    node: Node,
    clock: Clock,
    config: Config,
    folder: TempDir,
}

impl TestNode {
    /// Starts a node; fails the test where it does not start.
    pub fn start(config: &str) -> Self {
        Self::try_start(config).unwrap_or_else(|error| panic!("the node did not start: {error}"))
    }

    /// A node with one origin, one route for everything, and these lines in the route.
    pub fn before(origin: &Origin, route: &str) -> Self {
        Self::start(&format!("{}{route}", one_route(origin)))
    }

    /// A node with one origin and one route for everything, through a shipped filter under the name `one` with these
    /// settings.
    pub fn through(filter: &str, settings: &str, origin: &Origin) -> Self {
        let module = filter_module(filter);
        Self::start(&format!(
            "[filters.one]\nmodule = {module:?}\n[filters.one.settings]\n{settings}\n{}filters = [\"one\"]\n",
            one_route(origin)
        ))
    }

    /// Why the node does not start, where that is the question. The configuration itself must be right.
    pub fn try_start(config: &str) -> Result<Self, StartError> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let file = folder.path().join("edge.toml");
        Self::start_in(folder, &with_defaults(config), &file)
    }

    /// A node of the repository's own configuration `config/NAME`, on ports of the system's choice and without its
    /// access log.
    pub fn shipped(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
        let text = fs::read_to_string(&file).expect("the configuration is part of the repository");
        let folder = TempDir::new().expect("a temporary folder can be made");
        let text = apart(&text, folder.path()).replace("access = \"stdout\"", "access = \"off\"");
        Self::start_in(folder, &text, &file).unwrap_or_else(|error| panic!("{name} did not start: {error}"))
    }

    fn start_in(folder: TempDir, text: &str, file: &Path) -> Result<Self, StartError> {
        let config = config::parse(text, file, &|name| std::env::var(name).ok());
        let config = config.unwrap_or_else(|faults| panic!("the test's configuration is wrong:\n{faults}"));
        let clock = Clock::set_to(Timestamp::from_unix(NOW));
        let node = Node::start_at(&config, clock.clone())?;
        Ok(Self { node, clock, config, folder })
    }

    /// Writes another configuration where the node's was, for its next reload.
    pub fn configure(&self, config: &str) {
        fs::write(&self.config.file, with_defaults(config)).expect("a temporary file can be written");
    }

    /// Has the node read its configuration again.
    pub async fn reload(&self) -> Response {
        RawClient::connect(self.admin()).await.request("POST", "/v1/reload", &[], b"").await
    }

    /// The same node taken down in good order and started again, on other ports; its clock and its folder stay.
    pub async fn restarted(self) -> Self {
        let Self { node, clock, config, folder } = self;
        node.drain().await;
        let node = Node::start_at(&config, clock.clone()).expect("it started before");
        Self { node, clock, config, folder }
    }

    /// The folder that relative paths of its configuration start at.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.node.listeners()[0]
    }

    pub fn admin(&self) -> SocketAddr {
        self.node.admin()
    }

    pub async fn connect(&self) -> RawClient {
        RawClient::connect(self.address()).await
    }

    /// One request on a connection of its own.
    pub async fn get(&self, target: &str) -> Response {
        get(self.address(), target).await
    }

    /// One GET with these extra fields on a connection of its own.
    pub async fn get_with(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.connect().await.request("GET", target, fields, b"").await
    }

    /// What the node's clock says, in seconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.clock.now().unix_seconds()
    }

    /// Moves the node's clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub async fn scrape(&self) -> Exposition {
        Exposition::parse(get(self.admin(), "/metrics").await.text())
    }

    /// Returns once a metric has this value. An exchange is counted when it is over, which the client may see first.
    pub async fn metric_is(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let mut last = f64::NAN;
        let reached = async {
            while last != value {
                last = self.scrape().await.find(name, labels).unwrap_or(f64::NAN);
            }
        };
        patiently(&format!("{name}{labels:?} to be {value}"), reached).await;
    }

    /// Returns the first line of the access log that holds `text`.
    pub async fn logged(&self, text: &str) -> String {
        let path = self.folder.path().join("access.log");
        let found = async {
            loop {
                let log = fs::read_to_string(&path).unwrap_or_default();
                // The last piece may be a line that is still being written.
                let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
                if let Some(line) = lines.into_iter().find(|line| line.contains(text)) {
                    return line.trim_end().to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        patiently(&format!("{text:?} in the access log"), found).await
    }

    /// Takes the node down in good order.
    pub async fn drain(self) -> Drained {
        self.node.drain().await
    }
}

/// An origin named `site` and a route for every host and path to it, ready for more lines of that route.
pub fn one_route(origin: &Origin) -> String {
    format!(
        "[origins.site]\nservers = [\"{}\"]\n[[route]]\nname = \"all\"\nhost = \"*\"\npath = \"/\"\norigin = \"site\"\n",
        origin.url()
    )
}

/// Where the built filters are: `filters/dist`, or the folder that `FOREBAY_FILTERS_DIR` names.
pub fn filter_module(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/dist");
    let folder = std::env::var_os("FOREBAY_FILTERS_DIR").map_or(built, PathBuf::from);
    let module = folder.join(format!("{name}.wasm"));
    module.canonicalize().unwrap_or_else(|error| panic!("{}: {error}: run scripts/build-filters", module.display()))
}

/// The repository's own configuration with ports of the system's choice in the place of its fixed ones, and its disk tier
/// in this folder.
pub(crate) fn apart(config: &str, folder: &Path) -> String {
    let [cache, filters] = ["cache", "filters"].map(|name| format!("{:?}", folder.join(name)));
    config
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9090", "127.0.0.1:0")
        .replace("\"../var/cache\"", &cache)
        .replace("\"../var/filters\"", &filters)
}

/// The test's text comes last: it may end in the middle of a table that the test goes on with.
fn with_defaults(config: &str) -> String {
    let missing = DEFAULTS.iter().filter(|(header, _)| !config.contains(header));
    let tables: String = missing.map(|(header, lines)| format!("{header}\n{lines}")).collect();
    format!("{tables}{config}")
}
