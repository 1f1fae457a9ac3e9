//! Which of a chain's filters are entered for a request.
//!
//! A filter that cannot matter costs one comparison instead of a callback, and a chain without conditions one branch. They
//! are asked when the filter's turn comes, about the request as the filters before it left it.

use std::sync::Arc;

use crate::config::FilterCondition;
use crate::semantics::{RequestHead, covers, for_routing};

/// One condition per filter of a chain; `None` where no filter has any.
#[derive(Debug, Clone)]
pub(in crate::filter) struct Conditions(Option<Arc<[FilterCondition]>>);

impl Conditions {
    pub(in crate::filter) fn new(conditions: Vec<FilterCondition>) -> Self {
        let some = conditions.iter().any(|condition| *condition != FilterCondition::default());
        Self(some.then(|| conditions.into()))
    }

    /// Is the filter at `index` entered for this request?
    pub(in crate::filter) fn hold(&self, index: usize, request: &RequestHead) -> bool {
        self.0.as_ref().is_none_or(|conditions| holds(&conditions[index], request))
    }
}

/// Paths are compared as routes compare them: another spelling of a path leads around no filter.
fn holds(condition: &FilterCondition, request: &RequestHead) -> bool {
    let FilterCondition { paths, methods } = condition;
    if !methods.is_empty() && !methods.contains(&request.method) {
        return false;
    }
    if paths.is_empty() {
        return true;
    }
    let path = for_routing(request.path.path());
    paths.iter().any(|prefix| covers(prefix, &path))
}

#[cfg(test)]
mod tests {
    use super::super::super::state::no_request;
    use super::*;
    use http::Method;

    fn condition(paths: &[&str], methods: &[Method]) -> FilterCondition {
        FilterCondition { paths: paths.iter().map(|&path| path.to_owned()).collect(), methods: methods.to_vec() }
    }

    #[test]
    fn a_condition_is_a_prefix_at_a_segments_end_and_a_method() {
        let cases = [
            (condition(&[], &[]), "/x", true),
            (condition(&["/api"], &[]), "/api", true),
            (condition(&["/api"], &[]), "/api/v1?x=1", true),
            (condition(&["/api"], &[]), "/apis", false),
            (condition(&["/api"], &[]), "//api/v1", true),
            (condition(&["/api"], &[]), "/x%2f..%2fapi", false),
            (condition(&["/a/b"], &[]), "/a%2Fb", true),
            (condition(&["/no", "/api/"], &[]), "/api/v1", true),
            (condition(&["/api"], &[Method::GET]), "/api", true),
            (condition(&["/api"], &[Method::POST, Method::PUT]), "/api", false),
            (condition(&[], &[Method::POST, Method::GET]), "/x", true),
        ];
        for (condition, path, expected) in cases {
            let request = RequestHead { path: path.parse().unwrap(), method: Method::GET, ..no_request() };
            assert_eq!(holds(&condition, &request), expected, "{condition:?} {path}");
        }
    }
}
