//! Host calls on properties: what a guest can learn of the exchange, and leave for others.
//!
//! Paths are segments with NULs between them; here they are read with dots instead, so that one segment with a dot in it
//! finds the same property. Values have Envoy's types: strings as they are, numbers as 8 little-endian bytes, times as
//! nanoseconds, maps as serialised pairs.

use super::super::abi::{MapType, Status};
use super::super::cache_verbs::CacheVerb;
use super::super::messages::message::{Joining, Message};
use super::super::messages::wire;
use super::super::notes::Notes;
use super::super::state::{Moment, State};
use super::cache_verbs;
use super::memory::{Out, Slice, split};
use super::outcome::{Answer, Fault, Guest};
use crate::config::Side;
use crate::semantics::RequestHead;

/// Bytes of a path at most; header names in `request.headers.<name>` are the longest parts of any.
const PATH_BYTES_MAX: usize = 1024;

/// Bytes of an origin's name at most.
const ORIGIN_BYTES_MAX: usize = 256;

/// Where the names of cache verbs begin.
const VERBS: &[u8] = b"forebay.cache.";

/// What this host has beyond the ABI, for filters that ask before they use it.
const FEATURES: &str = "forebay.origin,forebay.cache,forebay.shared_data.delete,forebay.shared_data.set_ttl";

type Found = Result<(), Status>;

pub(super) fn get(guest: &mut Guest<'_>, path: Slice, out: Out) -> Answer {
    out.deliver(guest, |memory, state, value| {
        let path = dotted(path.read(memory)?, Status::NotFound)?;
        lookup(state, &path, value)
    })
}

pub(super) fn set(guest: &mut Guest<'_>, path: Slice, value: Slice) -> Answer {
    let (memory, state) = split(guest)?;
    let path = dotted(path.read(memory)?, Status::BadArgument)?;
    let value = value.read(memory)?;
    match &path[..] {
        b"request.path" => set_request(state, b":path", value),
        b"request.host" => set_request(state, b":authority", value),
        b"forebay.origin" => Ok(set_origin(state, value)?),
        path => match path.strip_prefix(VERBS) {
            Some(name) => {
                let verb = CacheVerb::named(name).ok_or(Status::BadArgument)?;
                Ok(cache_verbs::say(state, verb, value)?)
            }
            None => Ok(leave(state, path, value)?),
        },
    }
}

/// Leaves a property for others. Envoy's own prefix for these is not part of the name.
pub(super) fn leave(state: &mut State, path: &[u8], value: &[u8]) -> Found {
    let path = bare(path);
    if path.is_empty() {
        return Err(Status::BadArgument);
    }
    state.notes_mut().ok_or(Status::BadArgument)?.marks.change().store(path, value)
}

fn bare(path: &[u8]) -> &[u8] {
    [&b"filter_state."[..], b"wasm."].iter().fold(path, |path, prefix| path.strip_prefix(*prefix).unwrap_or(path))
}

fn set_request(state: &mut State, name: &[u8], value: &[u8]) -> Result<(), Fault> {
    let request = state.message_mut(MapType::RequestHeaders)?;
    request.set(name, value, Joining::Replace)?;
    state.growth.note(MapType::RequestHeaders, name.len() + value.len());
    Ok(())
}

/// Chooses the origin by its name; an empty one takes the choice back. Whether there is such an origin is the exchange's
/// to know.
pub(super) fn set_origin(state: &mut State, name: &[u8]) -> Found {
    let name = std::str::from_utf8(name).map_err(|_| Status::BadArgument)?;
    if name.len() > ORIGIN_BYTES_MAX {
        return Err(Status::BadArgument);
    }
    let notes = state.notes_mut().filter(|notes| notes.stream.side == Side::Client).ok_or(Status::BadArgument)?;
    notes.marks.change().origin = (!name.is_empty()).then(|| name.to_owned());
    Ok(())
}

/// The path with dots between its segments. Some SDKs end the last segment with a NUL too.
fn dotted(path: &[u8], refusal: Status) -> Result<Vec<u8>, Status> {
    let path = path.strip_suffix(&[0]).unwrap_or(path);
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err(refusal);
    }
    Ok(path.iter().map(|byte| if *byte == 0 { b'.' } else { *byte }).collect())
}

fn lookup(state: &State, path: &[u8], value: &mut Vec<u8>) -> Found {
    let (root, rest) = match path.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&path[..dot], &path[dot + 1..]),
        None => (path, &[][..]),
    };
    let found = match root {
        b"request" => request(state, rest, value),
        b"response" => response(state, rest, value),
        b"source" | b"destination" | b"connection" | b"connection_id" => connection(state, (root, rest), value),
        _ => host(state, path, value),
    };
    match found {
        Err(Status::NotFound) => left_by_a_filter(state, path, value),
        found => found,
    }
}

fn left_by_a_filter(state: &State, path: &[u8], value: &mut Vec<u8>) -> Found {
    let marks = state.notes().ok_or(Status::NotFound)?.marks.get();
    match path {
        b"forebay.origin" => text(marks.origin.as_deref().ok_or(Status::NotFound)?, value),
        _ => bytes(marks.property(bare(path)).ok_or(Status::NotFound)?, value),
    }
}

fn host(state: &State, path: &[u8], value: &mut Vec<u8>) -> Found {
    match path {
        b"plugin_name" => text(&state.profile.name, value),
        b"plugin_vm_id" => text(&state.profile.vm.name, value),
        b"plugin_root_id" => text(&state.profile.root_id, value),
        b"host.features" => text(FEATURES, value),
        b"forebay.at" => text(state.notes().ok_or(Status::NotFound)?.stream.side.word(), value),
        b"node.id" | b"xds.node.id" => text(&state.profile.node_name, value),
        b"route_name" | b"xds.route_name" => text(&state.notes().ok_or(Status::NotFound)?.stream.route, value),
        b"cluster_name" | b"xds.cluster_name" => text(origin(state.notes().ok_or(Status::NotFound)?), value),
        // Neither of Envoy's sidecar directions.
        b"listener_direction" | b"xds.listener_direction" => number(0, value),
        _ => Err(Status::NotFound),
    }
}

/// The origin that would be asked as things stand.
fn origin(notes: &Notes) -> &str {
    notes.marks.get().origin.as_deref().unwrap_or(&notes.stream.origin)
}

fn connection(state: &State, path: (&[u8], &[u8]), value: &mut Vec<u8>) -> Found {
    let stream = &state.notes().ok_or(Status::NotFound)?.stream;
    match path {
        (b"connection", b"id") | (b"connection_id", b"") => number(stream.connection_id, value),
        (b"connection", b"mtls") => bytes(&[0], value),
        (b"source", b"address") => text(&stream.source.to_string(), value),
        (b"source", b"port") => number(stream.source.port().into(), value),
        (b"destination", b"address") => text(&stream.destination.to_string(), value),
        (b"destination", b"port") => number(stream.destination.port().into(), value),
        _ => Err(Status::NotFound),
    }
}

fn request(state: &State, name: &[u8], value: &mut Vec<u8>) -> Found {
    let notes = state.notes().ok_or(Status::NotFound)?;
    match name {
        b"id" => text(&notes.stream.request_id, value),
        b"time" => number(notes.stream.started.unix_nanos(), value),
        // Known once the exchange is over, as in Envoy.
        b"duration" if matches!(state.sight(), Moment::Log | Moment::Abandoned | Moment::Done) => {
            duration(state, notes, value)
        }
        _ => request_head(state.request().ok_or(Status::NotFound)?, name, value),
    }
}

fn duration(state: &State, notes: &Notes, value: &mut Vec<u8>) -> Found {
    let spent = state.profile.clock.now().since(notes.stream.started);
    number(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), value)
}

fn request_head(head: &RequestHead, name: &[u8], value: &mut Vec<u8>) -> Found {
    match name {
        b"path" => text(head.path.as_str(), value),
        b"url_path" => text(head.path.path(), value),
        b"query" => text(head.path.query().unwrap_or(""), value),
        b"host" => text(head.authority.as_str(), value),
        b"scheme" => text(head.scheme.as_str(), value),
        b"method" => text(head.method.as_str(), value),
        b"protocol" => text(protocol(head.version), value),
        b"useragent" => bytes((head as &dyn Message).value(b"user-agent").ok_or(Status::NotFound)?, value),
        b"referer" => bytes((head as &dyn Message).value(b"referer").ok_or(Status::NotFound)?, value),
        _ => section(head, name, value),
    }
}

fn response(state: &State, name: &[u8], value: &mut Vec<u8>) -> Found {
    let notes = state.notes().ok_or(Status::NotFound)?;
    let parts = state.response();
    match name {
        b"code" => {
            let status = parts.map(|parts| parts.status).or(notes.status).ok_or(Status::NotFound)?;
            number(status.as_u16().into(), value)
        }
        b"code_details" => text(notes.details.as_deref().ok_or(Status::NotFound)?, value),
        // Envoy's bits name troubles of its upstreams; what went wrong here has its word in the details.
        b"flags" if parts.is_some() || notes.status.is_some() => number(0, value),
        _ => section(parts.ok_or(Status::NotFound)?, name, value),
    }
}

/// What requests and responses tell alike about their header sections.
fn section(message: &dyn Message, name: &[u8], value: &mut Vec<u8>) -> Found {
    match name {
        b"headers" => {
            wire::write(|| message.pairs(), value);
            Ok(())
        }
        b"headers_bytes" => number(message.bytes() as u64, value),
        b"size" => number(content_length(message), value),
        b"total_size" => number(content_length(message).saturating_add(message.bytes() as u64), value),
        _ => header(message, name.strip_prefix(b"headers.").ok_or(Status::NotFound)?, value),
    }
}

/// All values of one header, as a list (RFC 9110 section 5.3).
fn header(message: &dyn Message, name: &[u8], value: &mut Vec<u8>) -> Found {
    let mut values = message.pairs().filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let first = values.next().or_else(|| message.value(name)).ok_or(Status::NotFound)?;
    value.extend_from_slice(first);
    for next in values {
        value.push(b',');
        value.extend_from_slice(next);
    }
    Ok(())
}

/// The size that the message announces; the body has not been seen yet.
fn content_length(message: &dyn Message) -> u64 {
    let announced = message.value(b"content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    announced.unwrap_or(0)
}

fn protocol(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2",
        http::Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

fn text(text: &str, value: &mut Vec<u8>) -> Found {
    bytes(text.as_bytes(), value)
}

fn bytes(bytes: &[u8], value: &mut Vec<u8>) -> Found {
    value.extend_from_slice(bytes);
    Ok(())
}

fn number(number: u64, value: &mut Vec<u8>) -> Found {
    bytes(&number.to_le_bytes(), value)
}
