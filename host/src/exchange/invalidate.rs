//! What a successful unsafe request changed is no longer answered from the store (RFC 9111 section 4.4, RFC 9875
//! section 3).

use http::header::{self, HeaderMap};
use http::{Method, Response};

use super::visit::Visit;
use crate::body::Body;
use crate::cache::{Key, KeyRules, KeyShape, Mode, Purge, Scope};
use crate::semantics::{RequestHead, for_routing, invalidated_groups};

/// Forgets the target, and what `Location`, `Content-Location` and `Cache-Group-Invalidation` name on the same origin:
/// every response of these URLs and groups, whatever else is in its key.
pub(super) fn after(visit: &Visit<'_>, response: &Response<Body>) {
    let Ok(passage) = visit.passage() else { return };
    let status = response.status();
    if safe(&passage.head.method) || !(status.is_success() || status.is_redirection()) {
        return;
    }
    forget(visit, &passage.head, &passage.route.key_rules);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(other) = named(response.headers(), &name, &passage.head)
            && let Some(route) = visit.edge.routes.load().find(other.host(), &for_routing(other.path.path()))
        {
            forget(visit, &other, &route.key_rules);
        }
    }
    for name in invalidated_groups(response.headers()) {
        let origin = format!("{}://{}", passage.head.scheme, passage.head.authority);
        let scope = Scope::Group { origin, name };
        tracing::debug!(scope = scope.word(), value = %scope, by = "origin", "purged");
        visit.edge.cache.purge(&Purge { scope, mode: Mode::Hard });
    }
}

fn forget(visit: &Visit<'_>, request: &RequestHead, rules: &KeyRules) {
    visit.edge.cache.invalidate(&Key::of(request, &KeyShape { rules, origin: None, extra: None }));
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
