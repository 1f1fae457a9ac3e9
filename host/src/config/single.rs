//! A configuration without a file: one origin, one route, everything else by default.
//!
//! Behind `forebay run --origin URL [--listen ADDR] [--admin ADDR]`. It is written as the file it stands for and checked like one, so
//! that its defaults cannot differ from those of a file.

use std::net::SocketAddr;
use std::path::Path;

use super::fault::{Fault, Faults, Place};
use super::load::parse;
use super::model::{Config, Server};

/// Caches and serves the site at `url` on `listen`, by default 127.0.0.1:8080; the operator's door is at `admin`, by
/// default 127.0.0.1:9090. No filters: there need be no files.
///
/// The origin is asked for the name in its URL, not for the client's: on a first try that is `localhost:8080`, which an
/// origin of several sites does not know.
pub fn for_origin(url: &str, listen: Option<SocketAddr>, admin: Option<SocketAddr>) -> Result<Config, Faults> {
    let server: Server = url.parse().map_err(|error| Fault {
        place: Place::Option("--origin"),
        key: String::new(),
        message: format!("{url:?} {error}"),
    })?;
    let listener = listen.map(|address| format!("[[listener]]\naddress = \"{address}\"\n")).unwrap_or_default();
    let admin = admin.map(|address| format!("[admin]\naddress = \"{address}\"\n")).unwrap_or_default();
    let text = format!(
        "{listener}{admin}\
         [origins.origin]\n\
         servers = [\"http://{server}\"]\n\
         host = \"server\"\n\
         [[route]]\n\
         origin = \"origin\"\n"
    );
    // The URL is known to be right, so all that a fault can be about is an address.
    let option = |key: &str| Place::Option(if key.starts_with("admin") { "--admin" } else { "--listen" });
    parse(&text, Path::new("--origin"), &|_| None).map_err(|faults| faults.moved(option))
}
