//! What a successful unsafe request changed is no longer answered from the store (RFC 9111 section 4.4, RFC 9875
//! section 3).

use http::header::{self, HeaderMap};
use http::{Method, Response};

use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Key, Mode, Purge, Scope};
use crate::origin::Origin;
use crate::semantics::{RequestHead, invalidated_groups};

/// Forgets the target, and what `Location`, `Content-Location` and `Cache-Group-Invalidation` name on the same origin.
pub(super) fn after(visit: &Visit<'_>, (origin, chosen): (&Origin, bool), response: &Response<Body>) {
    let Ok(passage) = visit.passage() else { return };
    let status = response.status();
    if safe(&passage.head.method) || !(status.is_success() || status.is_redirection()) {
        return;
    }
    let cache = &visit.edge.cache;
    let chosen = chosen.then(|| &**origin.name());
    let key = Key::of(&passage.head, chosen);
    cache.invalidate(&key);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(other) = named(response.headers(), &name, &passage.head) {
            cache.invalidate(&Key::of(&other, chosen));
        }
    }
    for name in invalidated_groups(response.headers()) {
        let scope = Scope::Group { origin: key.origin().to_owned(), name };
        tracing::debug!(scope = scope.word(), value = %scope, by = "origin", "purged");
        cache.purge(&Purge { scope, mode: Mode::Hard });
    }
}

/// RFC 9110 section 9.2.1. A method that is not known is not safe.
fn safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// The request as it would be for the URI that a field names, if that is of the same origin.
fn named(response: &HeaderMap, name: &header::HeaderName, request: &RequestHead) -> Option<RequestHead> {
    let path = request.resolve(response.get(name)?.to_str().ok()?)?;
    Some(RequestHead { path, headers: HeaderMap::new(), ..request.clone() })
}
