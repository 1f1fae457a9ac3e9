//! `[admin]`: where the operator's door is, and what opens it.

use std::net::{Ipv4Addr, SocketAddr};

use super::unique::Unique;
use crate::config::address::ListenAddress;
use crate::config::field::Field;
use crate::config::model::Admin;
use crate::config::section::Section;

/// Beside the default listener, and the port Prometheus users know.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

pub(super) fn check(section: &mut Section<'_>, sockets: &mut Unique) -> Admin {
    let token_field = section.field("token");
    let token = token_field.as_ref().and_then(bearer);
    let written = section.field("address").map(|field| field.parse::<ListenAddress>().map(|address| address.0));
    let address = written.unwrap_or(Some(ADDRESS));
    if let Some(address) = address {
        if token_field.is_none() && !address.ip().is_loopback() {
            section.fault(
                "address",
                format!(
                    "{address} can be reached from outside; add a token, or write \"127.0.0.1:{}\"",
                    address.port()
                ),
            );
        }
        if address.port() != 0 {
            // The first to claim an address is never refused.
            let _ = sockets.claim(address.to_string(), "admin.address");
        }
    }
    Admin { address: address.unwrap_or(ADDRESS), token }
}

/// What follows `Bearer` in a field of one line: visible ASCII, no spaces.
fn bearer(field: &Field<'_>) -> Option<String> {
    let token = field.text()?;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        // The token itself is a secret and stays out of the fault.
        field.fault("is not a token for Authorization: Bearer; write visible ASCII characters without spaces");
        return None;
    }
    Some(token)
}
