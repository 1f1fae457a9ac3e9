//! What a successful unsafe request changed is no longer answered from the store (RFC 9111 section 4.4).

use http::header::{self, HeaderMap};
use http::uri::{PathAndQuery, Uri};
use http::{Method, Response};

use super::visit::Visit;
use crate::body::Body;
use crate::cache::Key;
use crate::origin::Origin;
use crate::semantics::RequestHead;

/// Forgets the target, and what `Location` and `Content-Location` name on the same origin.
pub(super) fn after(visit: &Visit<'_>, (origin, chosen): (&Origin, bool), response: &Response<Body>) {
    let Ok(passage) = visit.passage() else { return };
    let status = response.status();
    if safe(&passage.head.method) || !(status.is_success() || status.is_redirection()) {
        return;
    }
    let cache = &visit.edge.cache;
    let chosen = chosen.then(|| &**origin.name());
    cache.invalidate(&Key::of(&passage.head, chosen));
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(other) = named(response.headers(), &name, &passage.head) {
            cache.invalidate(&Key::of(&other, chosen));
        }
    }
}

/// RFC 9110 section 9.2.1. A method that is not known is not safe.
fn safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// The request as it would be for the URI that a field names, if that is of the same origin.
fn named(response: &HeaderMap, name: &header::HeaderName, request: &RequestHead) -> Option<RequestHead> {
    let text = response.get(name)?.to_str().ok()?;
    let uri: Uri = match text.parse() {
        Ok(uri) => uri,
        // A relative reference: resolved against the folder of the request's path (RFC 3986 section 5.2.3).
        Err(_) => format!("{}{text}", &request.path.path()[..=request.path.path().rfind('/')?]).parse().ok()?,
    };
    let same =
        uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(request.authority.as_str()))
            && uri.scheme().is_none_or(|scheme| *scheme == request.scheme);
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    same.then(|| RequestHead { path, headers: HeaderMap::new(), ..request.clone() })
}
