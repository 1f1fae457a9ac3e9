//! `[[listener]]`: addresses to listen on, and the limits of a connection there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::unique::Unique;
use crate::config::address::ListenAddress;
use crate::config::bound;
use crate::config::field::Field;
use crate::config::model::Listener;
use crate::config::section::{NAME_RULE, Section, is_name};

/// Loopback, so that a first try is not open to the network; 8080 needs no privilege.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// All listeners; one with every default where the file has none.
pub(super) fn check_all(root: &mut Section<'_>, sockets: &mut Unique) -> Vec<Listener> {
    let mut names = Unique::default();
    let mut listeners = root.sections("listener", |section| check(section, sockets, &mut names));
    if listeners.is_empty() {
        listeners.push(root.absent("listener", |section| check(section, sockets, &mut names)));
    }
    listeners
}

fn check(section: &mut Section<'_>, sockets: &mut Unique, names: &mut Unique) -> Listener {
    let address = address(section, sockets);
    Listener {
        name: name(section, names).unwrap_or_else(|| address.to_string()),
        address,
        connections_max: section.count("connections_max", &bound::CONNECTIONS_MAX),
        header_timeout: section.duration("header_timeout", &bound::HEADER_TIMEOUT),
        keep_alive_timeout: section.duration("keep_alive_timeout", &bound::KEEP_ALIVE_TIMEOUT),
        body_timeout: section.duration("body_timeout", &bound::BODY_TIMEOUT),
        send_timeout: section.duration("send_timeout", &bound::SEND_TIMEOUT),
        header_count_max: section.count("header_count_max", &bound::HEADER_COUNT_MAX),
        header_bytes_max: section.bytes("header_bytes_max", &bound::HEADER_BYTES_MAX),
        trusted_proxies: section.field("trusted_proxies").map(|field| networks(&field)).unwrap_or_default(),
        purge_from: section.field("purge_from").map(|field| networks(&field)).unwrap_or_default(),
    }
}

fn name(section: &mut Section<'_>, names: &mut Unique) -> Option<String> {
    let field = section.field("name")?;
    let name = field.text()?;
    if !is_name(&name) {
        field.fault(format!("{name:?} is not a name; {NAME_RULE}"));
    } else if let Err(first) = names.claim(&name, field.path()) {
        field.fault(format!("{name:?} is already {first}; write another name, metrics tell listeners apart by it"));
    }
    Some(name)
}

fn address(section: &mut Section<'_>, sockets: &mut Unique) -> SocketAddr {
    let address = match section.field("address") {
        Some(field) => field.parse::<ListenAddress>().map(|address| address.0),
        None => Some(ADDRESS),
    };
    let Some(address) = address else { return ADDRESS };
    // Port 0 is another port each time.
    if address.port() != 0
        && let Err(first) = sockets.claim(address.to_string(), &section.path_of("address"))
    {
        section.fault("address", format!("{address} is already {first}; write another port or address"));
    }
    address
}

fn networks(field: &Field<'_>) -> Vec<IpNet> {
    let elements = field.elements().unwrap_or_default();
    elements.iter().filter_map(network).collect()
}

/// A network in CIDR form, or one address.
fn network(field: &Field<'_>) -> Option<IpNet> {
    let text = field.text()?;
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    if network.is_none() {
        field.fault(format!("{text:?} is not a network; write one as in \"10.0.0.0/8\" or \"192.0.2.7\""));
    }
    network
}
