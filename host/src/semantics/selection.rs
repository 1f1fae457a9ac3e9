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
        let language = language_of(&fields, response);
        Self { fields, language, query: None }
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

    /// The same selection, from its fields as `fields` gave them and the response that was selected.
    pub fn restored(fields: Vec<(HeaderName, Option<Vec<u8>>)>, response: &HeaderMap) -> Self {
        let fields: Vec<_> = fields.into_iter().map(|(name, written)| Selecting::written(name, written)).collect();
        let language = language_of(&fields, response);
        Self { fields, language, query: None }
    }

    /// What a request selects where these fields count.
    pub fn by(names: &[HeaderName], request: &HeaderMap) -> Self {
        let fields = names.iter().map(|name| Selecting::of(name.clone(), request)).collect();
        Self { fields, ..Self::default() }
    }

    /// The names that count, in the order of the alphabet; empty where every request selects it.
    pub fn names(&self) -> Vec<HeaderName> {
        let mut names: Vec<_> = self.fields.iter().map(|field| field.name.clone()).collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        names
    }

    /// The values that count, in the order of `names`, in one spelling: equal for two selections of the same names that
    /// select the same requests.
    pub fn values(&self) -> Vec<Option<&[u8]>> {
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_unstable_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        fields.dedup_by(|one, other| one.name == other.name);
        fields.into_iter().map(Selecting::normal).collect()
    }

    /// Is the response good for one query only, of all that share its key?
    pub fn is_for_one_query(&self) -> bool {
        self.query.is_some()
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
        Self::written(name, written)
    }

    fn written(name: HeaderName, written: Option<Vec<u8>>) -> Self {
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

/// The language that selects a response, where it was selected by language.
fn language_of(fields: &[Selecting], response: &HeaderMap) -> Option<String> {
    let by_language = fields.iter().any(|field| field.name == header::ACCEPT_LANGUAGE);
    if by_language { only_language(response) } else { None }
}

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

    #[test]
    fn names_and_values_are_the_same_for_all_that_select_the_same() {
        let parts = |vary: &str, request: &[(&'static str, &str)]| {
            let selection = Selection::of(&headers(&[("vary", vary)]), &headers(request));
            let names: Vec<String> = selection.names().iter().map(ToString::to_string).collect();
            let values: Vec<_> = selection.values().into_iter().map(|value| value.map(<[u8]>::to_vec)).collect();
            (names, values)
        };
        let one = parts("x-b, Accept-Language", &[("accept-language", "DE;q=1.0"), ("x-b", "1")]);
        assert_eq!(one.0, ["accept-language", "x-b"]);
        assert_eq!(one, parts("accept-language, x-b, X-B", &[("accept-language", "de"), ("x-b", "1")]));
        assert_ne!(one, parts("x-b, accept-language", &[("accept-language", "de")]));
        let request = headers(&[("x-b", "1")]);
        let selection = Selection::of(&headers(&[("vary", "x-b")]), &request);
        assert_eq!(selection, Selection::by(&selection.names(), &request));
        assert_eq!(Selection::default().values(), Vec::<Option<&[u8]>>::new());
    }

    #[test]
    fn a_selection_is_restored_from_its_fields() {
        let response = headers(&[("vary", "accept-language, x-a"), ("content-language", "de")]);
        let selection = Selection::of(&response, &headers(&[("accept-language", "DE, en;q=0.5")]));
        let fields = selection.fields().map(|(name, value)| (name.clone(), value.map(<[u8]>::to_vec))).collect();
        let restored = Selection::restored(fields, &response);
        assert_eq!(restored, selection);
        assert!(restored.matches(&headers(&[("accept-language", "de")]), None), "the language counts still");
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
