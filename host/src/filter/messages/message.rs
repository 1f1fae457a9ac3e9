//! A header section as guests see it: headers and pseudo headers in one list.
//!
//! proxy-wasm knows HTTP/2's shape only: the control data of a message are headers whose names begin with a colon. Host
//! calls read and change both kinds of message through this one trait, and a change either happens whole or not at all.
//! Targets that guests write are as clean as those that clients send; fields of `framing` stay as they are.

use std::{mem, str};

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, StatusCode, response};

use super::super::abi::Status;
use super::framing::{carry_over, is_reserved};
use super::wire::Pair;
use crate::semantics::{RequestHead, normal_authority};

/// Control data under its HTTP/2 name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Pseudo {
    Authority,
    Path,
    Method,
    Scheme,
    Status,
}

impl Pseudo {
    pub(in crate::filter) fn name(self) -> &'static str {
        match self {
            Self::Authority => ":authority",
            Self::Path => ":path",
            Self::Method => ":method",
            Self::Scheme => ":scheme",
            Self::Status => ":status",
        }
    }

    /// `host` is `:authority`, as in Envoy: a request has one place for it.
    fn is_named(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name().as_bytes())
            || (self == Self::Authority && name.eq_ignore_ascii_case(b"host"))
    }
}

/// How a value joins those its header already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Joining {
    Add,
    Replace,
}

/// A message whose header section guests work on.
pub(in crate::filter) trait Message {
    fn headers(&self) -> &HeaderMap;
    fn headers_mut(&mut self) -> &mut HeaderMap;
    /// The pseudo headers that this kind of message has, in the order they are listed.
    fn pseudo_headers(&self) -> &'static [Pseudo];
    /// The value of one of `pseudo_headers`; empty for any other.
    fn pseudo(&self, which: Pseudo) -> &str;
    /// Refuses what this kind of message cannot have there.
    fn set_pseudo(&mut self, which: Pseudo, value: &str) -> Result<(), Status>;
}

impl Message for RequestHead {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    fn pseudo_headers(&self) -> &'static [Pseudo] {
        &[Pseudo::Authority, Pseudo::Path, Pseudo::Method, Pseudo::Scheme]
    }

    fn pseudo(&self, which: Pseudo) -> &str {
        match which {
            Pseudo::Authority => self.authority.as_str(),
            Pseudo::Path => self.path.as_str(),
            Pseudo::Method => self.method.as_str(),
            Pseudo::Scheme => self.scheme.as_str(),
            Pseudo::Status => "",
        }
    }

    fn set_pseudo(&mut self, which: Pseudo, value: &str) -> Result<(), Status> {
        match which {
            Pseudo::Authority => self.authority = authority(value, &self.scheme)?,
            Pseudo::Path => set_path(self, value)?,
            Pseudo::Method => self.method = Method::try_from(value).map_err(|_| Status::BadArgument)?,
            Pseudo::Scheme => {
                let scheme = scheme(value)?;
                self.authority = authority(self.authority.as_str(), &scheme)?;
                self.scheme = scheme;
            }
            Pseudo::Status => return Err(Status::BadArgument),
        }
        Ok(())
    }
}

impl Message for response::Parts {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    fn pseudo_headers(&self) -> &'static [Pseudo] {
        &[Pseudo::Status]
    }

    fn pseudo(&self, which: Pseudo) -> &str {
        if which == Pseudo::Status { self.status.as_str() } else { "" }
    }

    fn set_pseudo(&mut self, which: Pseudo, value: &str) -> Result<(), Status> {
        if which != Pseudo::Status {
            return Err(Status::BadArgument);
        }
        self.status = value.parse().map_err(|_| Status::BadArgument).and_then(status)?;
        Ok(())
    }
}

/// Trailers: fields alone.
impl Message for HeaderMap {
    fn headers(&self) -> &HeaderMap {
        self
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self
    }

    fn pseudo_headers(&self) -> &'static [Pseudo] {
        &[]
    }

    fn pseudo(&self, _: Pseudo) -> &str {
        ""
    }

    fn set_pseudo(&mut self, _: Pseudo, _: &str) -> Result<(), Status> {
        Err(Status::BadArgument)
    }
}

/// A final status: a guest cannot send interim responses.
pub(in crate::filter) fn status(code: u32) -> Result<StatusCode, Status> {
    match u16::try_from(code) {
        Ok(code @ 200..=599) => StatusCode::from_u16(code).map_err(|_| Status::BadArgument),
        _ => Err(Status::BadArgument),
    }
}

/// An authority as requests have it: in lower case, without user information, without the scheme's own port.
fn authority(value: &str, scheme: &Scheme) -> Result<Authority, Status> {
    let authority = Authority::try_from(value).map_err(|_| Status::BadArgument)?;
    normal_authority(authority, scheme).map_err(|_| Status::BadArgument)
}

/// Gives `head` a path without dot segments: filters behind, the route and the origin must see the same one.
fn set_path(head: &mut RequestHead, value: &str) -> Result<(), Status> {
    let before = mem::replace(&mut head.path, path(value)?);
    head.normalise().map_err(|_| {
        head.path = before;
        Status::BadArgument
    })
}

/// A target in origin-form (RFC 9112 section 3.2.1).
fn path(value: &str) -> Result<PathAndQuery, Status> {
    if !value.starts_with('/') || value.contains('#') {
        return Err(Status::BadArgument);
    }
    PathAndQuery::try_from(value).map_err(|_| Status::BadArgument)
}

fn scheme(value: &str) -> Result<Scheme, Status> {
    match value {
        "http" => Ok(Scheme::HTTP),
        "https" => Ok(Scheme::HTTPS),
        _ => Err(Status::BadArgument),
    }
}

impl dyn Message + '_ {
    fn pseudo_named(&self, name: &[u8]) -> Option<Pseudo> {
        self.pseudo_headers().iter().copied().find(|pseudo| pseudo.is_named(name))
    }

    /// The first value of the header `name`, in any case.
    pub(in crate::filter) fn value(&self, name: &[u8]) -> Option<&[u8]> {
        if let Some(pseudo) = self.pseudo_named(name) {
            return Some(self.pseudo(pseudo).as_bytes());
        }
        let value = self.headers().get(str::from_utf8(name).ok()?)?;
        Some(value.as_bytes())
    }

    /// Every pair: pseudo headers first, values of one name in their order.
    pub(in crate::filter) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let pseudo =
            self.pseudo_headers().iter().map(|pseudo| (pseudo.name().as_bytes(), self.pseudo(*pseudo).as_bytes()));
        pseudo.chain(self.headers().iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())))
    }

    /// How many `pairs` there are.
    pub(in crate::filter) fn len(&self) -> usize {
        self.pseudo_headers().len() + self.headers().len()
    }

    /// The bytes of all names and values of `pairs`.
    pub(in crate::filter) fn bytes(&self) -> usize {
        self.pairs().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Gives the header `name` a value. A pseudo header has one value, so that adding replaces; a reserved one keeps its own.
    pub(in crate::filter) fn set(&mut self, name: &[u8], value: &[u8], joining: Joining) -> Result<(), Status> {
        if let Some(pseudo) = self.pseudo_named(name) {
            let value = str::from_utf8(value).map_err(|_| Status::BadArgument)?;
            return self.set_pseudo(pseudo, value);
        }
        let (name, value) = header(name, value)?;
        if is_reserved(&name) {
            return Ok(());
        }
        put(self.headers_mut(), name, value, joining)
    }

    /// Removes every value of the header `name`, unless it is reserved; a pseudo header cannot be missing.
    pub(in crate::filter) fn remove(&mut self, name: &[u8]) -> Result<(), Status> {
        if self.pseudo_named(name).is_some() {
            return Err(Status::BadArgument);
        }
        let name = HeaderName::from_bytes(name).map_err(|_| Status::BadArgument)?;
        if !is_reserved(&name) {
            self.headers_mut().remove(name);
        }
        Ok(())
    }

    /// Replaces all headers by `pairs`. Reserved ones stay as they are, and pseudo headers that are not among `pairs`.
    pub(in crate::filter) fn replace(&mut self, pairs: &[Pair<'_>]) -> Result<(), Status> {
        let mut headers = HeaderMap::with_capacity(pairs.len());
        let mut changed = Vec::new();
        for (name, value) in pairs {
            if let Some(pseudo) = self.pseudo_named(name) {
                changed.push((pseudo, str::from_utf8(value).map_err(|_| Status::BadArgument)?));
            } else {
                let (name, value) = header(name, value)?;
                if !is_reserved(&name) {
                    put(&mut headers, name, value, Joining::Add)?;
                }
            }
        }
        carry_over(self.headers(), &mut headers);
        self.set_all_pseudo(&changed)?;
        *self.headers_mut() = headers;
        Ok(())
    }

    /// Sets all of `changed`, or none.
    fn set_all_pseudo(&mut self, changed: &[(Pseudo, &str)]) -> Result<(), Status> {
        let before: Vec<(Pseudo, String)> =
            self.pseudo_headers().iter().map(|which| (*which, self.pseudo(*which).to_owned())).collect();
        let refused = changed.iter().find_map(|(which, value)| self.set_pseudo(*which, value).err());
        if let Some(status) = refused {
            // The scheme comes first: which port an authority may name depends on it.
            for (which, value) in before.into_iter().rev() {
                self.set_pseudo(which, &value).expect("it was set to this before");
            }
            return Err(status);
        }
        Ok(())
    }
}

fn header(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), Status> {
    let name = HeaderName::from_bytes(name).map_err(|_| Status::BadArgument)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| Status::BadArgument)?;
    Ok((name, value))
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue, joining: Joining) -> Result<(), Status> {
    let full = match joining {
        Joining::Add => headers.try_append(name, value).is_err(),
        Joining::Replace => headers.try_insert(name, value).is_err(),
    };
    if full { Err(Status::BadArgument) } else { Ok(()) }
}
