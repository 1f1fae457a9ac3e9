//! The servers under test: each a process of its own, on one core, that can be ended and started again.
//!
//! All of them answer from their cache over keep-alive connections, with one worker and no access log.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::chain::Chain;
use crate::configuration::{self, Place, Room};
use crate::cpu::children;
use crate::verdict::{self, Reader};

/// Where nginx's cache is as fast as files can be.
const MEMORY_FOLDER: &str = "/dev/shm";
const IN_MEMORY: Room = Room { memory_bytes: 1 << 30, disk_bytes: None };

/// Envoy knows no objects: all of its answers are as long as the hot one.
const ENVOY_BODY_BYTES: usize = 1_024;

/// Longer than any server needs to start.
const START_MOST: Duration = Duration::from_secs(60);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(1);

/// Which server, set up how.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `proxy_cache` as its documentation shows it.
    Nginx,
    /// The same with `open_file_cache`, which spares it opening the cached file each time.
    NginxOpenFiles,
    TrafficServer,
    Forebay {
        program: PathBuf,
    },
    /// Another build of it, to see what a change costs.
    ForebayEarlier {
        program: PathBuf,
    },
    /// With filters: what stands in its configuration below the route's origin.
    ForebayFilters {
        program: PathBuf,
        filters: String,
    },
    /// Answering from itself, through filters.
    Envoy {
        program: PathBuf,
        chain: Chain,
    },
}

/// A server and its files. Ends with this value, and takes the files along.
pub struct Server {
    pub kind: Kind,
    pub address: SocketAddr,
    admin: SocketAddr,
    child: Child,
    starts: u32,
    folder: TempDir,
}

/// Hits by where they came from.
#[derive(Debug, Clone, Copy, Default)]
pub struct TierHits {
    pub memory: u64,
    pub disk: u64,
}

impl std::ops::Sub for TierHits {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { memory: self.memory - earlier.memory, disk: self.disk - earlier.disk }
    }
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nginx => "nginx proxy_cache",
            Self::NginxOpenFiles => "nginx proxy_cache, open_file_cache",
            Self::TrafficServer => "Traffic Server",
            Self::Forebay { .. } => "Forebay",
            Self::ForebayEarlier { .. } => "Forebay, the other build",
            Self::ForebayFilters { .. } => "Forebay, with filters",
            Self::Envoy { .. } => "Envoy",
        }
    }

    /// How to read its answers.
    pub fn reader(&self) -> Reader {
        match self {
            Self::Nginx | Self::NginxOpenFiles => verdict::nginx,
            Self::TrafficServer => verdict::traffic_server,
            Self::Forebay { .. } | Self::ForebayEarlier { .. } | Self::ForebayFilters { .. } => verdict::forebay,
            Self::Envoy { .. } => verdict::silent,
        }
    }

    fn configuration(&self, place: &Place<'_>) -> Result<String> {
        Ok(match self {
            Self::Nginx => configuration::nginx(place, ""),
            Self::NginxOpenFiles => configuration::nginx(place, "open_file_cache max=10000 inactive=1h;"),
            Self::TrafficServer => configuration::traffic_server(place)?,
            Self::Forebay { .. } | Self::ForebayEarlier { .. } => configuration::forebay(place, ""),
            Self::ForebayFilters { filters, .. } => configuration::forebay(place, filters),
            Self::Envoy { chain, .. } => chain.envoy(place, ENVOY_BODY_BYTES),
        })
    }

    /// On core 0.
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]);
        let configuration = self.file(folder);
        match self {
            Self::Nginx | Self::NginxOpenFiles => command.arg("/usr/sbin/nginx").arg("-c").arg(configuration),
            Self::TrafficServer => {
                command.arg("/usr/bin/traffic_server").arg(format!("--run-root={}/runroot.yaml", folder.display()))
            }
            Self::Forebay { program } | Self::ForebayEarlier { program } | Self::ForebayFilters { program, .. } => {
                command.arg(program).args(["run", "-c"]).arg(configuration)
            }
            Self::Envoy { program, .. } => {
                command.arg(program).args(["--concurrency", "1", "--disable-hot-restart", "-l", "warn", "-c"]);
                command.arg(configuration)
            }
        };
        command
    }

    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::TrafficServer => "records.config",
            Self::Envoy { .. } => "envoy.yaml",
            _ => "configuration",
        })
    }
}

impl Server {
    /// Starts with everything in memory, and returns when it accepts connections.
    pub fn start(kind: Kind, origin: SocketAddr) -> Result<Self> {
        let folder = folder(Path::new(MEMORY_FOLDER)).or_else(|_| folder(&std::env::temp_dir()))?;
        Self::start_in(folder, kind, origin, IN_MEMORY)
    }

    /// Starts with its files in the temporary folder, and returns when it accepts connections.
    pub fn start_with(kind: Kind, origin: SocketAddr, room: Room) -> Result<Self> {
        Self::start_in(folder(&std::env::temp_dir())?, kind, origin, room)
    }

    fn start_in(folder: TempDir, kind: Kind, origin: SocketAddr, room: Room) -> Result<Self> {
        // Both at once, so that they differ.
        let ports = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let [address, admin] = ports.map(|port| port.local_addr());
        let (address, admin) = (address?, admin?);
        let place = Place { folder: folder.path(), listen: address, admin, origin, room };
        fs::write(kind.file(folder.path()), kind.configuration(&place)?)?;
        let child = spawn(&kind, folder.path())?;
        let mut server = Self { kind, address, admin, child, starts: 1, folder };
        server.wait()?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) -> Result<()> {
        // TERM rather than KILL: nginx's master takes its worker along.
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it, and all that it started, as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        let family = children(self.child.id()).into_iter().chain([self.child.id()]);
        Command::new("kill").arg("-9").args(family.map(|pid| pid.to_string())).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on its files, and returns when that was.
    pub fn start_again(&mut self) -> Result<Instant> {
        let start = Instant::now();
        self.child = spawn(&self.kind, self.folder.path())?;
        self.starts += 1;
        Ok(start)
    }

    /// Until it accepts connections and has its cache.
    pub fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while !(TcpStream::connect(self.address).is_ok() && self.has_cache()) {
            if self.child.try_wait()?.is_some() {
                let said = fs::read_to_string(self.folder.path().join("output"))?;
                bail!("{} did not start:\n{said}", self.kind.name());
            }
            ensure!(start.elapsed() < START_MOST, "{} does not get up", self.kind.name());
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Traffic Server answers before it has its cache, and tells in its log when that is there; the others have it.
    pub fn has_cache(&self) -> bool {
        let said = || fs::read_to_string(self.folder.path().join("diags.log")).unwrap_or_default();
        !matches!(self.kind, Kind::TrafficServer) || said().matches("cache enabled").count() >= self.starts as usize
    }

    /// Hits so far by the server's own counters, where it has them: Forebay.
    pub fn tier_hits(&self) -> Result<Option<TierHits>> {
        let Kind::Forebay { .. } = self.kind else { return Ok(None) };
        let hits = |tier| self.metric("forebay_cache_requests_total", &["status=\"hit\"", tier]);
        Ok(Some(TierHits { memory: hits("tier=\"memory\"")? as u64, disk: hits("tier=\"disk\"")? as u64 }))
    }

    /// The sum of a metric's series that have all these labels, as `name="value"`. Forebay only.
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64> {
        let mut stream = TcpStream::connect(self.admin)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(sum(&text, name, labels))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.stop();
    }
}

/// The build of it that lies beside this program.
pub fn forebay() -> Result<PathBuf> {
    let program = std::env::current_exe()?.parent().context("a program lies in a folder")?.join("forebay");
    ensure!(program.exists(), "{} is missing: cargo build --release -p forebay", program.display());
    Ok(program)
}

/// Envoy as scripts/envoy-oracle installs it: in the target folder, beside the one of this program's profile.
pub fn envoy() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("a program lies in target/PROFILE")?;
    let envoy = target.join("envoy/bin/envoy");
    ensure!(envoy.exists(), "{} is missing: scripts/envoy-oracle --prepare", envoy.display());
    Ok(envoy)
}

/// Named so that what an interrupted run has left is known as that.
fn folder(parent: &Path) -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("forebay-bench-").tempdir_in(parent)?)
}

fn spawn(kind: &Kind, folder: &Path) -> Result<Child> {
    let output = fs::File::create(folder.join("output"))?;
    let mut command = kind.command(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    command.spawn().with_context(|| format!("{} cannot be run", kind.name()))
}

fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let series = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (found, value) = rest.rsplit_once(' ')?;
        let is = (found.is_empty() || found.starts_with('{')) && labels.iter().all(|label| found.contains(label));
        is.then(|| value.parse::<f64>().ok())?
    });
    series.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series() {
        let text = "hits{route=\"/\",tier=\"disk\"} 2\nhits{route=\"/x\",tier=\"disk\"} 3\nhits{tier=\"memory\"} 9\nhits_more 1\n";
        assert_eq!(sum(text, "hits", &["tier=\"disk\""]), 5.0);
        assert_eq!(sum(text, "hits_more", &[]), 1.0);
        assert_eq!(sum(text, "none", &[]), 0.0);
    }
}
