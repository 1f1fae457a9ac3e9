//! Host calls that ask an origin something, and tell why it did not answer.
//!
//! The call goes out when the callback is over, and its answer comes in a callback of its own.

use std::iter;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Uri};
use http_body::Frame;
use http_body_util::StreamBody;

use super::super::abi::Status;
use super::super::calls::outcall::Outcall;
use super::super::messages::framing;
use super::super::messages::wire::{self, Pair};
use super::super::state::{Moment, State};
use super::memory::{self, Out, Slice, split};
use super::outcome::{Answer, Guest};
use crate::body::{Body, BodyError};
use crate::config::FilterLimits;
use crate::semantics::Signatures;

/// What a guest passes.
pub(super) struct Arguments {
    pub(super) origin: Slice,
    pub(super) headers: Slice,
    pub(super) body: Slice,
    pub(super) trailers: Slice,
    /// 0 is as long as may be.
    pub(super) timeout_millis: i32,
}

/// Notes a call, and gives its token out. `BadArgument` for an origin that the node does not have, a request that cannot
/// be or a negative time; `InternalFailure` where there may be no further call, or none as large.
pub(super) fn call(guest: &mut Guest<'_>, arguments: &Arguments, out: u32) -> Answer {
    let (memory, state) = split(guest)?;
    memory::read_u32(memory, out)?;
    let limits = &state.profile.limits;
    let origin = str::from_utf8(arguments.origin.read(memory)?).map_err(|_| Status::BadArgument)?;
    let asked = u64::try_from(arguments.timeout_millis).map_err(|_| Status::BadArgument)?;
    if !state.profile.dispatch.knows(origin) {
        return Err(Status::BadArgument.into());
    }
    let body = arguments.body.read(memory)?;
    let pairs = wire::read(arguments.headers.read(memory)?)?;
    let trailers = fields(&wire::read(arguments.trailers.read(memory)?)?, limits)?;
    let mut request = request(&pairs, limits)?;
    if body.len() > limits.body_buffer_max {
        return Err(Status::InternalFailure.into());
    }
    sign(state, request.headers_mut());
    *request.body_mut() = with_trailers(Bytes::copy_from_slice(body), trailers, request.headers_mut());
    let timeout = if asked == 0 { Duration::MAX } else { Duration::from_millis(asked) };
    let call = Outcall {
        token: state.profile.next_token(),
        origin: origin.to_owned(),
        request,
        timeout: timeout.min(limits.call_timeout_max),
        bytes_max: limits.body_buffer_max,
    };
    let token = call.token;
    wish(state, call)?;
    memory::write_u32(memory, out, token)?;
    Ok(())
}

/// Takes the call over, of the exchange, whichever context the guest acts for just now, or of the plugin where there is
/// none: this may have so many on their way.
fn wish(state: &mut State, call: Outcall) -> Result<(), Status> {
    let State { notes, wished, profile, .. } = state;
    let calls_max = profile.limits.calls_max;
    match notes {
        Some(notes) if notes.calls_made < calls_max => {
            notes.calls_made += 1;
            notes.wished.push(call);
        }
        None if wished.len() + profile.orders.flying() < calls_max => {
            wished.push(call);
            profile.orders.call_wished();
        }
        _ => return Err(Status::InternalFailure),
    }
    Ok(())
}

/// How the call at hand ended; `Ok` and no text where none failed.
pub(super) fn status(guest: &mut Guest<'_>, code: u32, out: Out) -> Answer {
    let (memory, state) = split(guest)?;
    let status = if matches!(state.call, Some(Err(_))) { Status::BrokenConnection } else { Status::Ok };
    memory::write_u32(memory, code, status as u32)?;
    out.deliver(guest, |_, state, value| {
        if let Some(Err(failure)) = &state.call {
            value.extend_from_slice(failure.to_string().as_bytes());
        }
        Ok(())
    })
}

/// The request of a call; `BadArgument` where its target is not whole.
fn request(pairs: &[Pair<'_>], limits: &FilterLimits) -> Result<Request<Body>, Status> {
    let pseudo = |name: &[u8]| {
        let (_, value) = pairs.iter().find(|(field, _)| *field == name).ok_or(Status::BadArgument)?;
        str::from_utf8(value).map_err(|_| Status::BadArgument)
    };
    let authority = Authority::try_from(pseudo(b":authority")?).map_err(|_| Status::BadArgument)?;
    let method = Method::try_from(pseudo(b":method")?).map_err(|_| Status::BadArgument)?;
    let path = pseudo(b":path")?;
    if !path.starts_with('/') || method == Method::CONNECT {
        return Err(Status::BadArgument);
    }
    let path = PathAndQuery::try_from(path).map_err(|_| Status::BadArgument)?;
    let mut headers = fields(pairs, limits)?;
    headers.insert(header::HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| Status::BadArgument)?);
    let mut request = Request::new(Body::Empty);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    Ok(request)
}

/// The fields that a call may carry, as many as a message may have.
fn fields(pairs: &[Pair<'_>], limits: &FilterLimits) -> Result<HeaderMap, Status> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if pairs.len() > limits.header_count_max || bytes > limits.header_bytes_max {
        return Err(Status::BadArgument);
    }
    framing::fields(pairs)
}

/// Has the call carry the signatures of the request that it is made for, whatever the guest wrote.
fn sign(state: &State, headers: &mut HeaderMap) {
    let none = HeaderMap::new();
    let request = if state.moment == Moment::Root { &none } else { &state.request.get().headers };
    Signatures::of(request).restore(headers);
}

fn with_trailers(body: Bytes, trailers: HeaderMap, headers: &mut HeaderMap) -> Body {
    if trailers.is_empty() {
        return Body::from(body);
    }
    // HTTP/1.1 sends those that were announced (RFC 9110 section 6.6.2).
    for name in trailers.keys() {
        headers.append(header::TRAILER, HeaderValue::from(name.clone()));
    }
    let frames = iter::once(Frame::data(body)).chain([Frame::trailers(trailers)]);
    Body::stream(StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, BodyError>))))
}
