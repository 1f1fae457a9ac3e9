//! The servers under test: each a process of its own, on one core, with its files in memory.
//!
//! All of them answer from their cache over keep-alive connections, with one worker and no access log.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Where nginx's cache is as fast as files can be.
const MEMORY_FOLDER: &str = "/dev/shm";

/// Which server, set up how.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `proxy_cache` as its documentation shows it.
    Nginx,
    /// The same with `open_file_cache`, which spares it opening the cached file each time.
    NginxOpenFiles,
    Forebay {
        program: PathBuf,
    },
    /// Another build of it, to see what a change costs.
    ForebayEarlier {
        program: PathBuf,
    },
    /// With one filter on every request and response: a request header and a response header are set.
    ForebayFilter {
        program: PathBuf,
        module: PathBuf,
    },
}

/// A running server. Ends with this value.
pub struct Server {
    pub kind: Kind,
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nginx => "nginx proxy_cache",
            Self::NginxOpenFiles => "nginx proxy_cache, open_file_cache",
            Self::Forebay { .. } => "Forebay",
            Self::ForebayEarlier { .. } => "Forebay, the other build",
            Self::ForebayFilter { .. } => "Forebay, one header filter",
        }
    }

    fn configuration(&self, folder: &Path, listen: SocketAddr, origin: SocketAddr) -> String {
        match self {
            Self::Nginx => nginx(folder, listen, origin, ""),
            Self::NginxOpenFiles => nginx(folder, listen, origin, "open_file_cache max=10000 inactive=1h;"),
            Self::Forebay { .. } | Self::ForebayEarlier { .. } => forebay(listen, origin, ""),
            Self::ForebayFilter { module, .. } => {
                let filter = format!("[filters.rewrite]\nmodule = {module:?}\n{REWRITE}");
                forebay(listen, origin, "filters = [\"rewrite\"]\n") + &filter
            }
        }
    }

    fn command(&self, configuration: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]);
        match self {
            Self::Nginx | Self::NginxOpenFiles => command.arg("/usr/sbin/nginx").arg("-c").arg(configuration),
            Self::Forebay { program } | Self::ForebayEarlier { program } | Self::ForebayFilter { program, .. } => {
                command.arg(program).args(["run", "-c"]).arg(configuration)
            }
        };
        command
    }
}

impl Server {
    /// Starts on core 0 and returns when it accepts connections.
    pub fn start(kind: Kind, origin: SocketAddr) -> Result<Self> {
        let folder = TempDir::new_in(MEMORY_FOLDER).or_else(|_| TempDir::new())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let path = folder.path().join("configuration");
        fs::write(&path, kind.configuration(folder.path(), address, origin))?;
        let output = fs::File::create(folder.path().join("output"))?;
        let mut command = kind.command(&path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let child = command.spawn().with_context(|| format!("{} cannot be run", kind.name()))?;
        let mut server = Self { kind, address, child, _folder: folder };
        while TcpStream::connect(address).is_err() {
            if server.child.try_wait()?.is_some() {
                let said = fs::read_to_string(server._folder.path().join("output"))?;
                bail!("{} did not start:\n{said}", server.kind.name());
            }
            std::thread::yield_now();
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // TERM rather than KILL: nginx's master takes its worker along.
        _ = Command::new("kill").arg(self.child.id().to_string()).status();
        _ = self.child.wait();
    }
}

fn nginx(folder: &Path, listen: SocketAddr, origin: SocketAddr, extra: &str) -> String {
    let folder = folder.display();
    format!(
        "user root;\ndaemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n  {extra}\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n  \
         uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         proxy_cache_path {folder}/cache levels=1:2 keys_zone=cache:64m max_size=4g inactive=1d use_temp_path=off;\n  \
         upstream origin {{ server {origin}; keepalive 8; }}\n  \
         server {{\n    listen {listen};\n    location / {{\n      proxy_pass http://origin;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_cache cache;\n      \
         proxy_cache_lock on;\n    }}\n  }}\n}}\n"
    )
}

fn forebay(listen: SocketAddr, origin: SocketAddr, route: &str) -> String {
    format!(
        "[node]\nname = \"bench\"\nworkers = 1\n[[listener]]\naddress = \"{listen}\"\n\
         [admin]\naddress = \"127.0.0.1:0\"\n[log]\nlevel = \"warn\"\naccess = \"off\"\n\
         [cache]\nmemory = \"1GiB\"\n[origins.bench]\nservers = [\"http://{origin}\"]\n\
         [[route]]\nhost = \"*\"\npath = \"/\"\norigin = \"bench\"\n{route}"
    )
}

/// The settings of the `rewrite` filter.
const REWRITE: &str = "\
[filters.rewrite.settings.request_headers]
set = { x-edge = \"bench\" }
[filters.rewrite.settings.response_headers]
set = { x-served-by = \"bench\" }
";
