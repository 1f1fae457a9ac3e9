//! The real program with one foreign filter before a scripted origin, told by its own log what the filter said.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use support::{Binary, Exposition, Origin, RawClient, Response, get, patiently, skip};

/// Where the filter hears, in its own words, of a request that passed it; `/free` passes none.
pub(crate) struct Filtered {
    pub(crate) origin: Origin,
    binary: Binary,
}

/// The module of a guest; `None`, and a note, where it was not built.
pub(crate) fn built(guest: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its own file");
    // target/PROFILE/deps/TEST
    let target = test.ancestors().nth(3).expect("a test lies three folders below the target folder");
    let module = target.join("guests-built").join(guest).with_extension("wasm");
    if !module.exists() {
        skip(&format!("the guest {guest} was not built: see scripts/build-guests"));
        return None;
    }
    assert!(is_fresh(&module), "the guest {guest} was built from other sources than these: run scripts/build-guests");
    Some(module)
}

/// Whether a guest's sources are what it was built from: an older one fails in ways that tell nothing.
fn is_fresh(module: &Path) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--status"]).arg(module.with_extension("sources")).current_dir(root);
    check.status().is_ok_and(|status| status.success())
}

impl Filtered {
    /// A node whose route `/` passes through `module` with these settings, and these lines of the filter's table.
    pub(crate) async fn start(origin: Origin, module: &Path, settings: &str, lines: &str) -> Self {
        let binary = Binary::start(&configuration(&origin, module, settings, lines)).await;
        Self { origin, binary }
    }

    /// The same for a guest that was built.
    pub(crate) async fn of(guest: &str, settings: &str, origin: Origin) -> Option<Self> {
        Some(Self::start(origin, &built(guest)?, settings, "").await)
    }

    /// How the program ends that cannot start with this module and these lines, and what it says.
    pub(crate) async fn refused(module: &Path, lines: &str) -> (ExitStatus, String) {
        let origin = Origin::start().await;
        Binary::refused(&configuration(&origin, module, "", lines)).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.binary.address()
    }

    pub(crate) async fn get(&self, target: &str) -> Response {
        get(self.address(), target).await
    }

    /// One GET with these extra fields.
    pub(crate) async fn get_with(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        RawClient::connect(self.address()).await.request("GET", target, fields, b"").await
    }

    /// One POST with these extra fields.
    pub(crate) async fn post_with(&self, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        RawClient::connect(self.binary.address()).await.request("POST", target, fields, body).await
    }

    /// Returns once the log holds a line that ends so.
    pub(crate) async fn says(&self, text: &str) {
        self.binary.says(text).await;
    }

    /// What the guest said after `mark`, in the order of the log so far.
    pub(crate) fn said(&self, mark: &str) -> Vec<String> {
        after(mark, &self.binary.stderr())
    }

    /// The same, once it has done so often.
    pub(crate) async fn has_said(&self, mark: &str, times: usize) -> Vec<String> {
        self.binary.says_enough(&format!("{mark:?} {times} times"), |log| after(mark, log).len() >= times).await;
        self.said(mark)
    }

    /// The whole lines of the log so far that hold this text.
    pub(crate) fn said_lines(&self, text: &str) -> Vec<String> {
        let log = self.binary.stderr();
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Sends the program a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        self.binary.signal(name);
    }

    /// What `/metrics` answers.
    pub(crate) async fn metrics(&self) -> String {
        get(self.binary.admin(), "/metrics").await.text().to_owned()
    }

    /// Returns once a metric has this value.
    pub(crate) async fn metric_is(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let mut last = f64::NAN;
        let reached = async {
            while last != value {
                last = Exposition::parse(&self.metrics().await).find(name, labels).unwrap_or(f64::NAN);
            }
        };
        patiently(&format!("{name}{labels:?} to be {value}"), reached).await;
    }
}

/// What the guest said after `mark` in this log.
fn after(mark: &str, log: &str) -> Vec<String> {
    let told = log.lines().filter_map(|line| line.split_once(mark)?.1.split_once(" filter=guest"));
    told.map(|(text, _)| text.to_owned()).collect()
}

fn configuration(origin: &Origin, module: &Path, settings: &str, lines: &str) -> String {
    format!(
        "[node]\nname = \"edge-1\"\nworkers = 1\n[[listener]]\naddress = \"{{listen}}\"\n[admin]\naddress = \"{{admin}}\"\n\
         [origins.site]\nservers = [\"{}\"]\n[origins.closed]\nservers = [\"http://127.0.0.1:1\"]\n\
         [filters.guest]\nmodule = {module:?}\nsettings = {settings:?}\n{lines}\
         [[route]]\nname = \"all\"\norigin = \"site\"\nfilters = [\"guest\"]\n\
         [[route]]\nname = \"free\"\npath = \"/free\"\norigin = \"site\"\n",
        origin.url()
    )
}
