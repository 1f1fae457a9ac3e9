//! `[origins.NAME]` and `[static.NAME]`: where answers come from. Both are named by routes, so they share their names.

use std::fs;

use super::unique::Unique;
use crate::config::bound;
use crate::config::field::Field;
use crate::config::host::HostField;
use crate::config::model::{Balance, Origin, OriginHost, Server, StaticSite};
use crate::config::section::Section;

const SERVERS: &str = "servers = [\"http://HOST:PORT\"]";

pub(super) fn check(name: &str, section: &mut Section<'_>, names: &mut Unique) -> Origin {
    // TOML has refused two origins of one name already.
    let _ = names.claim(name, section.path());
    Origin {
        name: name.to_owned(),
        servers: section.required("servers", SERVERS).map(|field| servers(&field)).unwrap_or_default(),
        balance: section.choice("balance", &[("round_robin", Balance::RoundRobin)]),
        host: section.field("host").and_then(|field| host(&field)).unwrap_or(OriginHost::Client),
        connect_timeout: section.duration("connect_timeout", &bound::CONNECT_TIMEOUT),
        first_byte_timeout: section.duration("first_byte_timeout", &bound::FIRST_BYTE_TIMEOUT),
        read_timeout: section.duration("read_timeout", &bound::READ_TIMEOUT),
        idle_timeout: section.duration("idle_timeout", &bound::IDLE_TIMEOUT),
        idle_connections_max: section.count("idle_connections_max", &bound::IDLE_CONNECTIONS_MAX),
    }
}

pub(super) fn check_static(name: &str, section: &mut Section<'_>, names: &mut Unique) -> StaticSite {
    if let Err(first) = names.claim(name, section.path()) {
        section.fault_here(format!("{name:?} is already {first}; write another name, routes name both alike"));
    }
    let field = section.required("root", "root = \"FOLDER\"");
    let root = field.as_ref().and_then(Field::file_path).unwrap_or_default();
    if let Some(field) = field.filter(|_| !root.as_os_str().is_empty()) {
        match fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => field.fault(format!("{} is not a folder; write the folder that holds the files", root.display())),
            Err(error) => {
                field.fault(format!("{} cannot be read: {error}; write a folder that is there", root.display()));
            }
        }
    }
    StaticSite { name: name.to_owned(), root }
}

fn servers(field: &Field<'_>) -> Vec<Server> {
    let Some(elements) = field.elements() else { return Vec::new() };
    if elements.is_empty() {
        field.fault(format!("is empty; write {SERVERS}"));
    }
    elements.iter().filter_map(Field::parse).collect()
}

fn host(field: &Field<'_>) -> Option<OriginHost> {
    Some(match field.text()?.as_str() {
        "client" => OriginHost::Client,
        "server" => OriginHost::Server,
        _ => OriginHost::Fixed(field.parse::<HostField>()?.0),
    })
}
