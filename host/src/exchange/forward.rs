//! The request as it goes on to an origin, and the response as it comes back: what a proxy must take out and put in
//! (RFC 9110 sections 7.6 and 7.8).

mod accompanied;
pub(super) mod trip;

use bytes::{BufMut, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Request, Response, Uri, Version, response};
use http_body::Body as _;

use super::failure::Failure;
use super::interim;
use super::peer::{Peer, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use crate::body::Body;
use crate::clock::Timestamp;
use crate::semantics::{LoopMark, RequestHead, fields};

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Tells the origin that `Surrogate-Control` is heeded here (Edge Architecture, section 2.1).
const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields that ask for one client's part or version of a response. A fetch for everybody must bring the whole of it.
const FOR_ONE_CLIENT: [HeaderName; 6] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// What proxies say of clients beyond the fields that this node writes itself; from anybody else it is forged.
const NAMED_BY_PROXIES: [HeaderName; 6] = [
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
];

/// Whom a fetch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Everybody,
    OneClient,
}

/// Everything that a forwarded request is made of.
pub(super) struct Outgoing<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) peer: &'a Peer,
    pub(super) mark: &'a LoopMark,
    pub(super) via: &'a HeaderValue,
    pub(super) capability: Option<&'a HeaderValue>,
    pub(super) request_id: &'a HeaderValue,
}

impl Outgoing<'_> {
    /// A request that this node has sent on before must not wait for itself, nor go round again (RFC 8586 section 2).
    pub(super) fn refuse_loop(&self) -> Result<(), Failure> {
        if self.mark.is_on(&self.head.headers) { Err(Failure::Loop) } else { Ok(()) }
    }

    /// The request to send, in origin form.
    pub(super) fn request(&self, audience: Audience, body: Body) -> Result<Request<Body>, Failure> {
        self.refuse_loop()?;
        let mut headers = self.head.headers.clone();
        match audience {
            Audience::Everybody => fields::strip_hop_by_hop(&mut headers),
            Audience::OneClient => repeat_of_trailers(&mut headers, &body),
        }
        // The node has answered `100-continue` itself by the time the body flows.
        headers.remove(header::EXPECT);
        if !self.peer.trusted {
            for name in &NAMED_BY_PROXIES {
                headers.remove(name);
            }
        }
        remove_alike(&mut headers);
        if audience == Audience::Everybody {
            for name in &FOR_ONE_CLIENT {
                headers.remove(name);
            }
        }
        self.name_the_client(&mut headers)?;
        headers.append(header::VIA, self.via.clone());
        self.mark.put_on(&mut headers);
        headers.insert(X_REQUEST_ID, self.request_id.clone());
        if let Some(capability) = self.capability {
            headers.append(SURROGATE_CAPABILITY, capability.clone());
        }
        let authority = HeaderValue::from_str(self.head.authority.as_str());
        headers.insert(header::HOST, authority.map_err(|error| Failure::Unsendable(error.to_string()))?);
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = Uri::from(self.head.path.clone());
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = headers;
        interim::pass_on(&mut request, self.head.version, &self.peer.mailbox, self.via);
        Ok(request)
    }

    /// What an untrusted peer says of others is replaced; a trusted one's word is kept and added to.
    fn name_the_client(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        let address = self.peer.remote.ip().to_string();
        let forwarded_for = match fields::joined(headers, &X_FORWARDED_FOR) {
            Some(mut chain) if self.peer.trusted => {
                chain.extend_from_slice(b", ");
                chain.extend_from_slice(address.as_bytes());
                chain
            }
            _ => address.into_bytes(),
        };
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(forwarded_for));
        headers.insert(X_FORWARDED_FOR, value.map_err(|error| Failure::Unsendable(error.to_string()))?);
        if !self.peer.trusted || !headers.contains_key(X_FORWARDED_PROTO) {
            let https = self.peer.scheme == Scheme::HTTPS;
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(if https { "https" } else { "http" }));
        }
        if !self.peer.trusted || !headers.contains_key(X_FORWARDED_HOST) {
            let host = HeaderValue::from_str(self.head.authority.as_str());
            headers.insert(X_FORWARDED_HOST, host.map_err(|error| Failure::Unsendable(error.to_string()))?);
        }
        Ok(())
    }
}

/// Takes out what an origin may read as one of the fields that it is told by proxies, whoever sends it: to CGI, WSGI and PHP
/// `_` is as good as `-`, and no proxy writes it.
fn remove_alike(headers: &mut HeaderMap) {
    let alike = |name: &&HeaderName| name.as_str().contains('_') && is_own(&name.as_str().replace('_', "-"));
    let found: Vec<HeaderName> = headers.keys().filter(alike).cloned().collect();
    for name in &found {
        headers.remove(name);
    }
}

fn is_own(name: &str) -> bool {
    let own = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REQUEST_ID];
    own.iter().chain(&NAMED_BY_PROXIES).any(|own| own.as_str() == name)
}

/// The trailers that a response has announced, until it is known whether they go on.
#[derive(Clone)]
struct Announced(HeaderValue);

/// Takes hop-by-hop fields out of a request, and says to the next hop what its client said of trailers: whether it keeps
/// them, and which it is to send. A body of a known length has none.
fn repeat_of_trailers(headers: &mut HeaderMap, body: &Body) {
    let (wanted, announced) = (fields::wants_trailers(headers), fields::announced_trailers(headers));
    fields::strip_hop_by_hop(headers);
    if wanted {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    if let Some(names) = announced.filter(|_| body.size_hint().exact().is_none()) {
        headers.insert(header::TRAILER, names);
    }
}

/// Announces the trailers of a response that is for one client, where it keeps them.
pub(super) fn announce_trailers(request: &HeaderMap, response: &mut Response<Body>) {
    if let Some(Announced(names)) = response.extensions_mut().remove()
        && fields::wants_trailers(request)
        && response.body().size_hint().exact().is_none()
    {
        response.headers_mut().insert(header::TRAILER, names);
    }
}

/// Makes an origin's response fit to be passed on and stored: hop-by-hop fields out, `Via` and a missing `Date` in
/// (RFC 9110 section 6.6.1).
pub(super) fn receive(parts: &mut response::Parts, via: &HeaderValue, now: Timestamp) {
    if parts.headers.contains_key(header::TRANSFER_ENCODING) {
        // The coding decided how long the body is, whatever the length said (RFC 9112 section 6.3).
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    if let Some(names) = fields::announced_trailers(&parts.headers) {
        parts.extensions.insert(Announced(names));
    }
    fields::strip_hop_by_hop(&mut parts.headers);
    parts.headers.append(header::VIA, via.clone());
    if !parts.headers.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now.system_time()))
    {
        parts.headers.insert(header::DATE, date);
    }
}

/// 128 random bits in hexadecimal.
pub(super) fn new_request_id() -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let random = fastrand::u128(..);
    let mut text = BytesMut::with_capacity(32);
    for byte in random.to_be_bytes() {
        text.put_u8(DIGITS[usize::from(byte >> 4)]);
        text.put_u8(DIGITS[usize::from(byte & 15)]);
    }
    HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static("-"))
}
