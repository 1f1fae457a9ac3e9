//! A token as it is sent: where it stands in a request, and its three parts (RFC 7515 section 7.1).

use base64ct::{Base64UrlUnpadded, Encoding};
use forebay_sdk::Request;
use serde::Deserialize;

use crate::refusal::Refusal;

/// A signed token, its parts decoded and nothing of it proven.
#[derive(Debug)]
pub(crate) struct Token<'t> {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    /// The text that was signed: header and payload as they were sent.
    pub(crate) signed: &'t str,
    pub(crate) signature: Vec<u8>,
}

/// What decides how a token is verified (RFC 7515 section 4.1). A member that stands twice is refused.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    /// Extensions that must be understood; this filter understands none.
    crit: Option<serde::de::IgnoredAny>,
}

impl<'t> Token<'t> {
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decoded(header)?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self { header, payload: decoded(payload)?, signed, signature: decoded(signature)? })
    }
}

/// What stands in base64url without padding; bits that a decoder would ignore are refused.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// The token of a request: a bearer's (RFC 6750 section 2.1), or else the cookie's.
pub(crate) fn sent(request: &Request, cookie: Option<&str>) -> Result<Option<String>, Refusal> {
    let mut fields = request.headers().get_all("authorization").into_iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(Refusal::Ambiguous);
    }
    let bearer = field.as_deref().and_then(|field| field.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match bearer {
        Some((_, token)) => Ok(Some(token.trim().to_owned())),
        None => Ok(cookie.and_then(|name| request.cookie(name))),
    }
}

/// Takes the token off: a bearer's field, and the cookie out of those of the request.
pub(crate) fn take_off(request: &mut Request, cookie: Option<&str>) {
    let bearer = request.headers().get("authorization");
    if bearer.is_some_and(|field| field.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))) {
        request.headers_mut().remove("authorization");
    }
    let Some(name) = cookie.filter(|name| request.cookie(name).is_some()) else { return };
    let lines = request.headers().get_all("cookie");
    let pairs = lines.iter().flat_map(|line| line.split(';')).map(str::trim);
    let others = pairs.filter(|pair| pair.split('=').next() != Some(name));
    let others = others.collect::<Vec<_>>().join("; ");
    if others.is_empty() {
        request.headers_mut().remove("cookie");
    } else {
        request.headers_mut().set("cookie", others);
    }
}
