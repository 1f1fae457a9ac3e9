//! The host calls of proxy-wasm 0.2.1 that the SDK needs, made safe; the only unsafe code of a filter.
//!
//! Bytes that the proxy returns lie in memory it asked this module for. Each such piece is a `Vec` kept in `LENT` until
//! the call that fills it returns, so that taking it over needs no trust in the pointer that comes back.

#![allow(unsafe_code, reason = "calls across the sandbox's border")]

use std::cell::RefCell;
use std::ptr;

pub(crate) use super::allocator::make_room;
use super::{Buffer, Cas, Fault, Level, Map, MetricKind, Pairs, Refused, Stream, pairs, raw};
use crate::Reply;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;
const PLUGIN_CONFIGURATION: u32 = 7;
/// `grpc_status` of a reply to what is not gRPC.
const NO_GRPC: i32 = -1;

thread_local! {
    static LENT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// `proxy_on_memory_allocate`: memory for the proxy to write into.
#[doc(hidden)]
pub fn allocate(bytes: usize) -> *mut u8 {
    // An empty vector owns no memory and would have no pointer of its own.
    let mut piece = vec![0; bytes.max(1)];
    let data = piece.as_mut_ptr();
    LENT.with_borrow_mut(|lent| lent.push(piece));
    data
}

/// Takes over what the proxy wrote; empty where it wrote nothing or points to memory it never asked for.
fn take(data: *mut u8, bytes: usize) -> Vec<u8> {
    LENT.with_borrow_mut(|lent| {
        let position = lent.iter().position(|piece| ptr::eq(piece.as_ptr(), data));
        let mut piece = position.map(|position| lent.swap_remove(position)).unwrap_or_default();
        // What is left was asked for in a call that then failed.
        lent.clear();
        piece.truncate(bytes);
        piece
    })
}

/// Makes a call that returns bytes; `None` where the proxy has no such thing.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Refused> {
    let (mut data, mut bytes) = (ptr::null_mut(), 0);
    match call(&mut data, &mut bytes) {
        OK => Ok(Some(take(data, bytes))),
        NOT_FOUND => Ok(None),
        _ => Err(Refused),
    }
}

fn done(status: u32) -> Result<(), Refused> {
    if status == OK { Ok(()) } else { Err(Refused) }
}

pub(crate) fn log(level: Level, text: &str) {
    // SAFETY: the pointer and length are those of a live string.
    unsafe { raw::proxy_log(level as u32, text.as_ptr(), text.len()) };
}

pub(crate) fn now_nanos() -> u64 {
    let mut now = 0;
    // SAFETY: the proxy writes one u64, to a live one.
    unsafe { raw::proxy_get_current_time_nanoseconds(&mut now) };
    now
}

/// The plugin's configuration; bytes that are not UTF-8 read as U+FFFD, which no JSON number or key is.
pub(crate) fn configuration() -> String {
    let bytes = returned(|data, bytes| {
        // SAFETY: both pointers are to live variables.
        unsafe { raw::proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, u32::MAX as usize, data, bytes) }
    });
    String::from_utf8_lossy(&bytes.unwrap_or_default().unwrap_or_default()).into_owned()
}

pub(crate) fn headers(map: Map) -> Pairs {
    // SAFETY: both pointers are to live variables.
    let bytes = returned(|data, bytes| unsafe { raw::proxy_get_header_map_pairs(map as u32, data, bytes) });
    bytes.ok().flatten().and_then(|bytes| pairs::decode(&bytes)).unwrap_or_default()
}

pub(crate) fn header(map: Map, name: &str) -> Result<Option<Vec<u8>>, Refused> {
    returned(|data, bytes| {
        // SAFETY: the name is a live string, both pointers are to live variables.
        unsafe { raw::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, bytes) }
    })
}

pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    let (map, name_bytes, value_bytes) = (map as u32, name.len(), value.len());
    // SAFETY: name and value are live slices with these lengths.
    done(unsafe { raw::proxy_replace_header_map_value(map, name.as_ptr(), name_bytes, value.as_ptr(), value_bytes) })
}

pub(crate) fn add_header(map: Map, name: &str, value: &[u8]) -> Result<(), Refused> {
    let (map, name_bytes, value_bytes) = (map as u32, name.len(), value.len());
    // SAFETY: name and value are live slices with these lengths.
    done(unsafe { raw::proxy_add_header_map_value(map, name.as_ptr(), name_bytes, value.as_ptr(), value_bytes) })
}

pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Refused> {
    // SAFETY: the name is a live string.
    let status = unsafe { raw::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
    // Removing what is not there is what was asked for.
    done(if status == NOT_FOUND { OK } else { status })
}

/// A property by its path, the steps joined by NUL.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    let value = returned(|data, bytes| {
        // SAFETY: the path is a live string, both pointers are to live variables.
        unsafe { raw::proxy_get_property(path.as_ptr(), path.len(), data, bytes) }
    });
    value.ok().flatten()
}

pub(crate) fn set_property(path: &str, value: &[u8]) -> Result<(), Refused> {
    // SAFETY: path and value are live slices with these lengths.
    done(unsafe { raw::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub(crate) fn reply(reply: &Reply) -> Result<(), Refused> {
    let headers: Vec<(&[u8], &[u8])> = reply.headers().iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let (headers, body, details) = (pairs::encode(&headers), reply.body(), "filter_reply");
    // SAFETY: details, body and headers are live slices with these lengths.
    done(unsafe {
        raw::proxy_send_local_response(
            reply.status().into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC,
        )
    })
}

pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: the name is a live string, the proxy writes one u32, to a live one.
    done(unsafe { raw::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) }).map(|()| id)
}

pub(crate) fn record_metric(id: u32, value: u64) {
    // SAFETY: no memory passes.
    unsafe { raw::proxy_record_metric(id, value) };
}

pub(crate) fn increment_metric(id: u32, amount: i64) {
    // SAFETY: no memory passes.
    unsafe { raw::proxy_increment_metric(id, amount) };
}

/// How many bytes of a body are at hand; none where there is no body.
pub(crate) fn buffered(buffer: Buffer) -> usize {
    let (mut bytes, mut flags) = (0, 0);
    // SAFETY: the proxy writes one usize and one u32, to live ones.
    let status = unsafe { raw::proxy_get_buffer_status(buffer as u32, &mut bytes, &mut flags) };
    if status == OK { bytes } else { 0 }
}

/// The first `bytes_max` bytes of a body.
pub(crate) fn buffer(buffer: Buffer, bytes_max: usize) -> Vec<u8> {
    let bytes = returned(|data, bytes| {
        // SAFETY: both pointers are to live variables.
        unsafe { raw::proxy_get_buffer_bytes(buffer as u32, 0, bytes_max, data, bytes) }
    });
    bytes.unwrap_or_default().unwrap_or_default()
}

pub(crate) fn set_buffer(buffer: Buffer, start: usize, replaced: usize, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: the bytes are a live slice of this length.
    done(unsafe { raw::proxy_set_buffer_bytes(buffer as u32, start, replaced, bytes.as_ptr(), bytes.len()) })
}

pub(crate) fn shared(key: &str) -> Option<(Vec<u8>, Cas)> {
    let mut cas = 0;
    let value = returned(|data, bytes| {
        // SAFETY: the key is a live string, the other pointers are to live variables.
        unsafe { raw::proxy_get_shared_data(key.as_ptr(), key.len(), data, bytes, &mut cas) }
    });
    value.ok().flatten().map(|value| (value, cas))
}

pub(crate) fn set_shared(key: &str, value: &[u8], cas: Cas) -> Result<(), Fault> {
    // SAFETY: key and value are live slices with these lengths.
    match unsafe { raw::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) } {
        OK => Ok(()),
        CAS_MISMATCH => Err(Fault::Changed),
        _ => Err(Fault::Refused),
    }
}

pub(crate) fn open_queue(name: &str) -> Result<u32, Fault> {
    let mut id = 0;
    // SAFETY: the name is a live string, the proxy writes one u32, to a live one.
    let opened = done(unsafe { raw::proxy_register_shared_queue(name.as_ptr(), name.len(), &mut id) });
    opened.map(|()| id).map_err(|Refused| Fault::Refused)
}

pub(crate) fn find_queue(vm: &str, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: both are live strings, the proxy writes one u32, to a live one.
    let found =
        done(unsafe { raw::proxy_resolve_shared_queue(vm.as_ptr(), vm.len(), name.as_ptr(), name.len(), &mut id) });
    found.ok().map(|()| id)
}

pub(crate) fn push(queue: u32, item: &[u8]) -> Result<(), Fault> {
    // SAFETY: the item is a live slice of this length.
    done(unsafe { raw::proxy_enqueue_shared_queue(queue, item.as_ptr(), item.len()) }).map_err(|Refused| Fault::Refused)
}

/// The first item; an empty queue answers with a status of its own, which is no fault.
pub(crate) fn pop(queue: u32) -> Option<Vec<u8>> {
    // SAFETY: both pointers are to live variables.
    returned(|data, bytes| unsafe { raw::proxy_dequeue_shared_queue(queue, data, bytes) }).ok().flatten()
}

/// Calls one of the proxy's own functions, for what it does.
pub(crate) fn foreign(name: &str, arguments: &[u8]) -> Result<(), Fault> {
    let result = returned(|data, bytes| {
        let (name_bytes, arguments_bytes) = (name.len(), arguments.len());
        // SAFETY: name and arguments are live slices with these lengths, both pointers are to live variables.
        unsafe {
            raw::proxy_call_foreign_function(
                name.as_ptr(),
                name_bytes,
                arguments.as_ptr(),
                arguments_bytes,
                data,
                bytes,
            )
        }
    });
    match result {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Fault::Absent),
        Err(Refused) => Err(Fault::Refused),
    }
}

pub(crate) fn tick_every(milliseconds: u32) {
    // SAFETY: no memory passes.
    unsafe { raw::proxy_set_tick_period_milliseconds(milliseconds) };
}

pub(crate) fn http_call(origin: &str, headers: &[(String, String)], body: &[u8], timeout: u32) -> Result<u32, Refused> {
    let headers: Vec<(&[u8], &[u8])> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let (headers, trailers) = (pairs::encode(&headers), pairs::encode(&[]));
    let mut id = 0;
    // SAFETY: origin, headers, body and trailers are live slices with these lengths; the proxy writes one u32.
    done(unsafe {
        raw::proxy_http_call(
            origin.as_ptr(),
            origin.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            &mut id,
        )
    })
    .map(|()| id)
}

pub(crate) fn speak_for(context: u32) {
    // SAFETY: no memory passes.
    unsafe { raw::proxy_set_effective_context(context) };
}

pub(crate) fn resume(stream: Stream) {
    // SAFETY: no memory passes.
    unsafe { raw::proxy_continue_stream(stream as u32) };
}
