//! By what a stored response was selected, and which other requests select it (RFC 9111 section 4.1).
//!
//! Values are brought to one spelling when the response is stored. A request that spells them as the first one did is
//! recognised without spelling anything.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{fields, spelling};

/// The fields that `Vary` named, with the values of the request that fetched the response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    fields: Vec<Selecting>,
    /// The one language that the response is in, in lower case, where it was selected by language.
    language: Option<String>,
    /// The one query it answers, where its key is shared by several.
    query: Option<Box<str>>,
}

/// One field and its value; `None` where the request had none.
#[derive(Debug, Clone)]
struct Selecting {
    name: HeaderName,
    written: Option<Vec<u8>>,
    /// In the one spelling, where that is another one.
    normal: Option<Vec<u8>>,
}

impl Selection {
    pub fn of(response: &HeaderMap, request: &HeaderMap) -> Self {
        let names = fields::list(response, &header::VARY).filter_map(|name| name.parse::<HeaderName>().ok());
        let fields: Vec<Selecting> = names.map(|name| Selecting::of(name, request)).collect();
        let by_language = fields.iter().any(|field| field.name == header::ACCEPT_LANGUAGE);
        Self { fields, language: if by_language { only_language(response) } else { None }, query: None }
    }

    /// The same for a response that answers this query only, of all that share its key.
    pub fn for_query(self, query: &str) -> Self {
        Self { query: Some(query.into()), ..self }
    }

    /// The same fields with the values of another request.
    pub fn like(&self, request: &HeaderMap, query: Option<&str>) -> Self {
        let fields = self.fields.iter().map(|field| Selecting::of(field.name.clone(), request));
        let query = self.query.as_ref().and(query).map(Into::into);
        Self { fields: fields.collect(), language: None, query }
    }

    /// Was it selected by these very values? `query` is the request's, where its key is shared by several.
    pub fn is_by(&self, request: &HeaderMap, query: Option<&str>) -> bool {
        self.covers(query) && self.fields.iter().all(|field| field.is_written_in(request))
    }

    /// Would the request have been answered the same?
    pub fn matches(&self, request: &HeaderMap, query: Option<&str>) -> bool {
        self.covers(query)
            && self.fields.iter().all(|field| field.matches(request) || self.speaks(&field.name, request))
    }

    /// The fields, each with its value as it was written; `None` where the request had none.
    pub fn fields(&self) -> impl Iterator<Item = (&HeaderName, Option<&[u8]>)> {
        self.fields.iter().map(|field| (&field.name, field.written.as_deref()))
    }

    fn covers(&self, query: Option<&str>) -> bool {
        self.query.is_none() || self.query.as_deref() == query
    }

    /// Is the response in the language that the request wants most? (Section 4.1 leaves the choice by preference to the
    /// cache.)
    fn speaks(&self, name: &HeaderName, request: &HeaderMap) -> bool {
        let Some(language) = &self.language else { return false };
        let wanted = || spelling::favourite_language(&fields::joined(request, name)?);
        *name == header::ACCEPT_LANGUAGE && wanted().as_ref() == Some(language)
    }

    /// Bytes held.
    pub fn weight(&self) -> usize {
        let fields: usize = self.fields.iter().map(Selecting::weight).sum();
        fields + self.language.as_ref().map_or(0, String::len) + self.query.as_ref().map_or(0, |query| query.len())
    }
}

impl Selecting {
    fn of(name: HeaderName, request: &HeaderMap) -> Self {
        let written = fields::joined(request, &name);
        let normal = written.as_ref().map(|value| spelling::normal(&name, value).into_owned());
        let normal = normal.filter(|normal| Some(normal) != written.as_ref());
        Self { name, written, normal }
    }

    fn normal(&self) -> Option<&[u8]> {
        self.normal.as_deref().or(self.written.as_deref())
    }

    fn is_written_in(&self, request: &HeaderMap) -> bool {
        let mut lines = request.get_all(&self.name).iter().map(HeaderValue::as_bytes);
        match (lines.next(), lines.next()) {
            (Some(_), Some(_)) => fields::joined(request, &self.name) == self.written,
            (line, _) => line == self.written.as_deref(),
        }
    }

    fn matches(&self, request: &HeaderMap) -> bool {
        self.is_written_in(request)
            || match (fields::joined(request, &self.name), self.normal()) {
                (Some(value), Some(normal)) => *spelling::normal(&self.name, &value) == *normal,
                _ => false,
            }
    }

    fn weight(&self) -> usize {
        let value = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        self.name.as_str().len() + value(&self.written) + value(&self.normal) + 96
    }
}

/// Two spellings of one value select the same.
impl PartialEq for Selecting {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.normal() == other.normal()
    }
}

impl Eq for Selecting {}

/// `Content-Language`, where it names one language.
fn only_language(response: &HeaderMap) -> Option<String> {
    let mut languages = fields::list(response, &header::CONTENT_LANGUAGE);
    languages.next().filter(|_| languages.next().is_none()).map(|language| language.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::tests::headers;
    use proptest::prelude::*;

    #[test]
    fn a_selection_matches_the_same_values_and_absence() {
        let response = headers(&[("vary", "Accept-Language, X-Tier")]);
        let selection = Selection::of(&response, &headers(&[("accept-language", "de")]));
        let matches = |lines| selection.matches(&headers(lines), None);
        assert!(matches(&[("accept-language", "de"), ("accept", "any")]));
        assert!(matches(&[("accept-language", "DE;q=1.0")]));
        assert!(!matches(&[("accept-language", "en")]));
        assert!(!matches(&[("accept-language", "de"), ("x-tier", "1")]));
        assert!(!matches(&[("accept-language", "de"), ("x-tier", "")]));
        assert!(!matches(&[]));
    }

    #[test]
    fn lines_and_their_combination_are_one_value() {
        let selection = Selection::of(&headers(&[("vary", "foo")]), &headers(&[("foo", "1, 2")]));
        assert!(selection.is_by(&headers(&[("foo", "1"), ("foo", "2")]), None));
        assert!(!selection.is_by(&headers(&[("foo", "1,2")]), None), "another spelling");
        assert!(selection.matches(&headers(&[("foo", "1,2")]), None));
        assert!(!selection.matches(&headers(&[("foo", "2"), ("foo", "1")]), None));
    }

    #[test]
    fn a_response_in_the_favourite_language_is_selected() {
        let request = headers(&[("accept-language", "en, de")]);
        let selected = |vary: &str, languages: &[(&'static str, &str)], wish: &str| {
            let mut response = headers(languages);
            response.insert(header::VARY, HeaderValue::from_str(vary).expect("a test value"));
            Selection::of(&response, &request).matches(&headers(&[("accept-language", wish)]), None)
        };
        let german = [("content-language", "DE")];
        assert!(selected("accept-language", &german, "fr;q=0.5, de;q=1.0"));
        assert!(!selected("accept-language", &german, "fr, de"), "both alike");
        assert!(!selected("accept-language", &german, "fr, de;q=0.5"));
        assert!(!selected("accept-language", &german, "de-CH"), "the origin may have that too");
        assert!(!selected("accept-language", &[("content-language", "de, en")], "de"));
        assert!(!selected("accept-language", &[], "de"));
        assert!(!selected("accept-language, foo", &german, "en, nl"));
    }

    #[test]
    fn a_response_for_one_query_answers_that_alone() {
        let none = HeaderMap::new();
        let selection = Selection::of(&none, &none).for_query("a=1");
        assert!(selection.matches(&none, Some("a=1")) && selection.is_by(&none, Some("a=1")));
        assert!(!selection.matches(&none, Some("a=2")) && !selection.matches(&none, None));
        assert_ne!(selection, Selection::default());
    }

    proptest! {
        #[test]
        fn a_value_always_selects_what_it_selected(name in "accept(-language|-encoding)?|foo|cookie", value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let response = headers(&[("vary", &name)]);
            let mut request = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.insert(HeaderName::from_bytes(name.as_bytes()).expect("a name"), value);
            }
            let selection = Selection::of(&response, &request);
            prop_assert!(selection.is_by(&request, None) && selection.matches(&request, None));
            prop_assert_eq!(selection.clone(), selection);
        }
    }
}
