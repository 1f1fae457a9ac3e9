//! The real `forebay` program, as an operator starts it.
//!
//! The binary is the one cargo built beside this test. It runs in a temporary folder with its output captured, and is
//! killed with the `Binary`.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::free_port::free_port;
use crate::node::{apart, filter_module};
use crate::patience::patiently;

/// A port that was free may be taken when the node comes to it.
const ATTEMPTS: usize = 5;

/// A running node.
pub struct Binary {
    address: SocketAddr,
    admin: SocketAddr,
    folder: TempDir,
    child: Child,
    stderr: Captured,
}

/// What a program has written so far, and whether it has ended.
#[derive(Clone)]
struct Captured(Arc<watch::Sender<(String, bool)>>);

impl Binary {
    /// Runs a configuration in which `{listen}` and `{admin}` stand for two free addresses. Returns when it accepts
    /// connections; fails the test, with what it wrote, where it ends instead.
    pub async fn start(config: &str) -> Self {
        Self::start_as(config, forebay).await
    }

    /// The same for a node under a limit, as the shell's `ulimit` takes it.
    pub async fn start_limited(config: &str, limit: &str) -> Self {
        Self::start_as(config, || limited(limit)).await
    }

    async fn start_as(config: &str, program: impl Fn() -> Command) -> Self {
        let mut told = String::new();
        for _ in 0..ATTEMPTS {
            let mut binary = Self::spawn(config, program());
            if patiently("the node to listen", binary.listens()).await {
                return binary;
            }
            _ = binary.child.wait();
            told = binary.stderr();
            if !told.contains("in use") {
                break;
            }
        }
        panic!("the node did not start:\n{told}");
    }

    /// Runs the program without arguments where `config/` and the built filters are the repository's own, on ports of
    /// the system's choice. Returns when it has said where it serves.
    pub async fn shipped() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        copy_shipped(folder.path());
        let mut command = forebay();
        command.current_dir(folder.path());
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut binary = Self::run(command, folder, (unknown, unknown));
        binary.says("/metrics,").await;
        let said = binary.stderr();
        binary.address = announced(&said, "serves http://");
        binary.admin = announced(&said, "health at http://");
        binary
    }

    /// Runs a configuration that the node cannot start with: how it ended, and what it said.
    pub async fn refused(config: &str) -> (ExitStatus, String) {
        let mut binary = Self::spawn(config, forebay());
        let status = binary.ends().await;
        (status, binary.stderr())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The folder that holds the configuration, where relative paths start.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The most memory that it has held so far, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the node runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system tells it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.0.borrow().0.clone()
    }

    /// Sends a signal by its name: `TERM`, `QUIT`, `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill can be run");
        assert!(sent.success(), "SIG{name} could not be sent: the node has ended");
    }

    /// Returns once stderr holds `text` in a line that is whole.
    pub async fn says(&self, text: &str) {
        self.says_enough(text, |said| has_line(said, text)).await;
    }

    /// Returns once stderr is `enough`, which `what` names.
    pub async fn says_enough(&self, what: &str, enough: impl Fn(&str) -> bool) {
        let mut output = self.stderr.0.subscribe();
        let said = patiently(what, output.wait_for(|(said, ended)| *ended || enough(said))).await;
        let said = said.expect("the sender lives in this node").0.clone();
        assert!(enough(&said), "the node ended without saying {what:?}:\n{said}");
    }

    /// Returns when the program has ended.
    pub async fn ends(&mut self) -> ExitStatus {
        let mut output = self.stderr.0.subscribe();
        _ = patiently("the node to end", output.wait_for(|(_, ended)| *ended)).await;
        self.child.wait().expect("a child can be waited for")
    }

    /// Ends the node by a signal, and starts it again on the same addresses and files. Returns when it accepts
    /// connections.
    pub async fn restart(&mut self, signal: &str) {
        self.signal(signal);
        self.ends().await;
        let mut command = forebay();
        command.args(["run", "-c", "edge.toml"]).current_dir(self.folder.path());
        (self.child, self.stderr) = launch(command);
        let listens = patiently("the node to listen again", self.listens()).await;
        assert!(listens, "the node did not start again:\n{}", self.stderr());
    }

    fn spawn(config: &str, mut command: Command) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let loopback = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (address, admin) = (loopback(), loopback());
        let config = config.replace("{listen}", &address.to_string()).replace("{admin}", &admin.to_string());
        fs::write(folder.path().join("edge.toml"), config).expect("a temporary file can be written");
        command.args(["run", "-c", "edge.toml"]).current_dir(folder.path());
        Self::run(command, folder, (address, admin))
    }

    fn run(command: Command, folder: TempDir, (address, admin): (SocketAddr, SocketAddr)) -> Self {
        let (child, stderr) = launch(command);
        Self { address, admin, folder, child, stderr }
    }

    /// Whether it came to accept connections before it ended.
    async fn listens(&mut self) -> bool {
        loop {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            if TcpStream::connect(self.address).await.is_ok() && TcpStream::connect(self.admin).await.is_ok() {
                return true;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Captured {
    /// Reads on a thread of its own until the writer is gone.
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let captured = Self(Arc::new(watch::Sender::default()));
        let into = captured.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                into.0.send_modify(|(said, _)| said.push_str(&text));
            }
            into.0.send_modify(|(_, ended)| *ended = true);
        });
        captured
    }
}

fn launch(mut command: Command) -> (Child, Captured) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be run");
    let stderr = Captured::of(child.stderr.take().expect("stderr is piped"));
    (child, stderr)
}

/// The address that the node announced behind these words.
fn announced(said: &str, words: &str) -> SocketAddr {
    let address = said.split_once(words).and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
    address.unwrap_or_else(|| panic!("no address behind {words:?}:\n{said}"))
}

/// What `forebay` reads when it is started in the repository, with free ports for its two fixed ones.
fn copy_shipped(into: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = into.join("config");
    copy_folder(&root.join("config"), &config);
    let modules = into.join("filters/dist");
    fs::create_dir_all(&modules).expect("a folder can be made in a temporary one");
    for name in ["canary", "guard", "rewrite"] {
        fs::copy(filter_module(name), modules.join(format!("{name}.wasm"))).expect("a module can be copied");
    }
    let file = config.join("edge.toml");
    let text = fs::read_to_string(&file).expect("the configuration is part of the repository");
    fs::write(&file, apart(&text, into)).expect("the copy can be written");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made in a temporary one");
    for entry in fs::read_dir(from).expect("the folder is part of the repository") {
        let entry = entry.expect("the folder can be listed");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("a file can be copied");
        }
    }
}

/// The program, ready for arguments. Fails the test where it was not built.
pub fn forebay() -> Command {
    let path = program();
    assert!(path.exists(), "{} is missing: run `cargo build -p forebay` first (scripts/test does)", path.display());
    Command::new(path)
}

/// Whether one of the whole lines of `said` holds `text`.
fn has_line(said: &str, text: &str) -> bool {
    said.find(text).is_some_and(|place| said[place..].contains('\n'))
}

/// The program under a limit of the system's, which it is told of by errors.
fn limited(limit: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit {limit}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(program());
    command
}

/// Writes `config` to a file and runs `forebay check` on it.
pub fn check(config: &str) -> Output {
    let folder = TempDir::new().expect("a temporary folder can be made");
    fs::write(folder.path().join("edge.toml"), config).expect("a temporary file can be written");
    let mut command = forebay();
    command.args(["check", "-c", "edge.toml"]).current_dir(folder.path()).stdin(Stdio::null());
    command.output().expect("the program can be run")
}

/// Tests lie in `target/PROFILE/deps`, programs one folder up.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let deps = test.parent().expect("a test lies in a folder");
    deps.parent().expect("which lies in the profile's folder").join("forebay")
}
