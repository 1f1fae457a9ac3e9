//! What origins answer in a case: the one that the request goes to, and those that the filter calls.

use http::{HeaderMap, Method, Response, StatusCode, request, response};
use serde::Deserialize;

use super::content::Pieces;
use super::spelling::{fields, fields_if_any, parsed_if_any, path_if_any, status, status_if_any};
use crate::body::Body;
use crate::filter::CallFailure;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Answer {
    #[serde(deserialize_with = "status")]
    status: StatusCode,
    #[serde(deserialize_with = "fields")]
    headers: HeaderMap,
    body: Pieces,
    #[serde(deserialize_with = "fields_if_any")]
    trailers: Option<HeaderMap>,
}

/// The answer to one call of the filter.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Scripted {
    pub(super) origin: String,
    /// Whatever is asked, where there is none.
    method: Option<Method>,
    path: Option<String>,
    ending: Result<Answer, Trouble>,
}

/// Why a call brings no answer, by the word that the node's log has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trouble {
    Timeout,
    Origin,
    Loop,
    Body,
    TooLarge,
}

/// An answer to a call as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    origin: String,
    #[serde(default, deserialize_with = "parsed_if_any")]
    method: Option<Method>,
    #[serde(default, deserialize_with = "path_if_any")]
    path: Option<String>,
    #[serde(default, deserialize_with = "status_if_any")]
    status: Option<StatusCode>,
    #[serde(default, deserialize_with = "fields_if_any")]
    headers: Option<HeaderMap>,
    body: Option<Pieces>,
    #[serde(default, deserialize_with = "fields_if_any")]
    trailers: Option<HeaderMap>,
    failure: Option<Trouble>,
}

impl Answer {
    /// As it comes from a connection.
    pub(super) fn message(&self) -> (response::Parts, Body) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = self.status;
        parts.headers = self.headers.clone();
        (parts, self.body.body(self.trailers.as_ref()))
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), body: Pieces::default(), trailers: None }
    }
}

impl Scripted {
    /// Whether it answers this call.
    pub(super) fn answers(&self, origin: &str, asked: &request::Parts) -> bool {
        let path = asked.uri.path_and_query().map_or("", |path| path.as_str());
        self.origin == origin
            && self.method.as_ref().is_none_or(|method| *method == asked.method)
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }

    /// How the call ends.
    pub(super) fn ending(&self) -> Result<Response<Body>, CallFailure> {
        let answer = self.ending.as_ref().map_err(|trouble| trouble.failure())?;
        let (parts, body) = answer.message();
        Ok(Response::from_parts(parts, body))
    }
}

impl Trouble {
    fn failure(self) -> CallFailure {
        match self {
            Self::Timeout => CallFailure::Timeout,
            Self::Origin => CallFailure::Origin("the origin does not answer".to_owned()),
            Self::Loop => CallFailure::Loop,
            Self::Body => CallFailure::Body("it breaks off".to_owned()),
            Self::TooLarge => CallFailure::TooLarge,
        }
    }
}

impl TryFrom<Written> for Scripted {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { origin, method, path, status, headers, body, trailers, failure } = written;
        let says = status.is_some() || headers.is_some() || body.is_some() || trailers.is_some();
        let ending = match failure {
            Some(_) if says => {
                return Err("a call that fails has no answer; leave out `failure`, or all of the answer");
            }
            Some(trouble) => Err(trouble),
            None => Ok(Answer {
                status: status.unwrap_or(StatusCode::OK),
                headers: headers.unwrap_or_default(),
                body: body.unwrap_or_default(),
                trailers,
            }),
        };
        Ok(Self { origin, method, path, ending })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn scripted(text: &str) -> Scripted {
        toml::from_str(text).expect("it is an answer")
    }

    #[test]
    fn what_is_left_out_fits_every_call_of_its_origin() {
        let (asked, ()) = Request::post("/check?a=1").body(()).expect("it is a request").into_parts();
        for (text, fits) in [
            ("origin = 'auth'", true),
            ("origin = 'other'", false),
            ("origin = 'auth'\nmethod = 'POST'", true),
            ("origin = 'auth'\nmethod = 'GET'", false),
            ("origin = 'auth'\npath = '/check?a=1'", true),
            ("origin = 'auth'\npath = '/check'", false),
        ] {
            assert_eq!(scripted(text).answers("auth", &asked), fits, "{text}");
        }
    }

    #[test]
    fn failures_have_the_words_of_the_node() {
        for word in ["timeout", "origin", "loop", "body", "too_large"] {
            let ending = scripted(&format!("origin = 'a'\nfailure = '{word}'")).ending();
            assert_eq!(ending.map_err(|failure| failure.word()).err(), Some(word));
        }
    }
}
