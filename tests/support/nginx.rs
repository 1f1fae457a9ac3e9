//! A real nginx as the origin, with an access log that tells what it was asked for.
//!
//! Runs in the foreground with everything it writes in a temporary folder, and ends with the `Nginx`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::free_port::free_port;
use crate::patience::patiently;

const BINARIES: [&str; 2] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"];
/// A port that was free may be taken when nginx comes to it.
const ATTEMPTS: usize = 5;

pub struct Nginx {
    address: SocketAddr,
    folder: TempDir,
    child: Child,
}

impl Nginx {
    /// Serves the files below `root`; `None` where nginx is not installed.
    pub fn serve(root: &Path) -> Option<Self> {
        let binary = BINARIES.into_iter().find(|path| Path::new(path).exists())?;
        let started = (0..ATTEMPTS).find_map(|_| Self::start(binary, root));
        Some(started.expect("nginx starts on one of several free ports"))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The paths asked for so far, as sent, in order, once there are so many. nginx writes a line when a response is over,
    /// which whoever reads it may see first.
    pub async fn requested(&self, count: usize) -> Vec<String> {
        let path = self.folder.path().join("access.log");
        let written = async {
            loop {
                let log = fs::read_to_string(&path).expect("nginx writes its log");
                if log.lines().count() >= count && log.ends_with('\n') {
                    return log.lines().map(str::to_owned).collect();
                }
                tokio::task::yield_now().await;
            }
        };
        patiently(&format!("{count} lines in nginx's log"), written).await
    }

    fn start(binary: &str, root: &Path) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port = free_port();
        let conf = folder.path().join("nginx.conf");
        fs::write(&conf, configuration(folder.path(), root, port)).expect("a temporary file can be written");
        let mut child = Command::new(binary)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&conf)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx can be run");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Its own end is the event that ends the wait: a port taken by another program makes nginx give up.
        loop {
            if TcpStream::connect(address).is_ok() && child.try_wait().is_ok_and(|ended| ended.is_none()) {
                return Some(Self { address, folder, child });
            }
            if !child.try_wait().is_ok_and(|ended| ended.is_none()) {
                return None;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn configuration(folder: &Path, root: &Path, port: u16) -> String {
    let (folder, root) = (folder.display(), root.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nevents {{ worker_connections 1024; }}\n\
         http {{\n{temporary}  include /etc/nginx/mime.types;\n  log_format target '$request_uri';\n  \
         access_log {folder}/access.log target;\n  sendfile on;\n  keepalive_requests 100000;\n  \
         server {{ listen 127.0.0.1:{port} backlog=512; root {root}; etag on; }}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::get;
    use crate::notes::skip;

    #[tokio::test]
    async fn nginx_serves_the_folder_and_logs_each_request() {
        let site = TempDir::new().unwrap();
        fs::write(site.path().join("a b.html"), "<p>hello").unwrap();
        let Some(nginx) = Nginx::serve(site.path()) else { return skip("nginx is not installed") };
        let response = get(nginx.address(), "/a%20b.html").await;
        assert_eq!((response.status, response.text()), (200, "<p>hello"));
        assert_eq!(nginx.requested(1).await, ["/a%20b.html"]);
    }
}
