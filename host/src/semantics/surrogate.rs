//! Fields that an origin addresses to surrogates: heeded here, kept from browsers (Edge Architecture section 2.2).
//!
//! A response is stored without them; they are kept beside it, and go along only to a client that says by
//! `Surrogate-Capability` that it is a surrogate itself.

mod tags;

use http::header::{HeaderMap, HeaderName};

use tags::{CACHE_TAG, SURROGATE_KEY};
pub use tags::{NAME_BYTES_MAX, Tags, add_tags, invalidated_groups};

const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
const SURROGATE_FIELDS: [HeaderName; 3] = [HeaderName::from_static("surrogate-control"), SURROGATE_KEY, CACHE_TAG];

/// The fields of one response that are for surrogates. Most have none, which costs a pointer.
#[derive(Debug, Clone, Default)]
pub struct SurrogateFields(Option<Box<HeaderMap>>);

impl SurrogateFields {
    /// Takes them out of `headers`.
    pub fn take_from(headers: &mut HeaderMap) -> Self {
        let mut taken = HeaderMap::new();
        for name in &SURROGATE_FIELDS {
            for value in headers.get_all(name) {
                taken.append(name, value.clone());
            }
            headers.remove(name);
        }
        Self((!taken.is_empty()).then(|| Box::new(taken)))
    }

    /// Puts them back, in the place of any that stand there.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        for name in self.0.iter().flat_map(|fields| fields.keys()) {
            headers.remove(name);
        }
        for (name, value) in self.0.iter().flat_map(|fields| fields.iter()) {
            headers.append(name, value.clone());
        }
    }

    /// Puts them back for a client that is a surrogate.
    pub fn put_for(&self, request: &HeaderMap, headers: &mut HeaderMap) {
        if self.0.is_some() && is_surrogate(request) {
            self.put_into(headers);
        }
    }

    /// The same fields in memory of their own, made by `own`.
    pub fn compacted(self, own: impl FnOnce(&HeaderMap) -> HeaderMap) -> Self {
        Self(self.0.map(|fields| Box::new(own(&fields))))
    }

    /// Bytes held.
    pub fn weight(&self) -> usize {
        self.0.iter().flat_map(|fields| fields.iter()).map(|(name, value)| name.as_str().len() + value.len() + 64).sum()
    }
}

/// Takes the fields for surrogates out of a response that goes to one client, unless that is a surrogate.
pub fn hide_from_browsers(request: &HeaderMap, response: &mut HeaderMap) {
    if !is_surrogate(request) {
        for name in &SURROGATE_FIELDS {
            response.remove(name);
        }
    }
}

fn is_surrogate(request: &HeaderMap) -> bool {
    request.contains_key(SURROGATE_CAPABILITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;

    const ADDRESSED: [(&str, &str); 4] =
        [("surrogate-key", "a b"), ("surrogate-key", "c"), ("cache-tag", "d"), ("surrogate-control", "max-age=9")];

    #[test]
    fn what_is_taken_out_goes_to_surrogates_only() {
        let whole = headers(&[&[("etag", "\"1\"")], &ADDRESSED[..]].concat());
        let mut plain = whole.clone();
        let aside = SurrogateFields::take_from(&mut plain);
        assert_eq!(plain, headers(&[("etag", "\"1\"")]));
        assert!(aside.weight() > 0);
        aside.put_for(&HeaderMap::new(), &mut plain);
        assert_eq!(plain.len(), 1);
        aside.put_for(&headers(&[("surrogate-capability", "cdn=\"Surrogate/1.0\"")]), &mut plain);
        assert_eq!(plain, whole);
        aside.put_into(&mut plain);
        assert_eq!(plain, whole, "putting back twice doubles nothing");
    }

    #[test]
    fn a_response_without_them_has_nothing_aside() {
        let mut plain = headers(&[("cache-groups", "\"a\"")]);
        assert_eq!(SurrogateFields::take_from(&mut plain).weight(), 0);
        assert_eq!(plain.len(), 1, "groups are for every cache");
    }

    #[test]
    fn one_clients_response_is_stripped_unless_it_is_a_surrogate() {
        let mut response = headers(&ADDRESSED);
        hide_from_browsers(&headers(&[("surrogate-capability", "x")]), &mut response);
        assert_eq!(response.len(), 4);
        hide_from_browsers(&HeaderMap::new(), &mut response);
        assert!(response.is_empty());
    }
}
