//! `GET /v1/explain?url=URL&header=NAME:VALUE`: how a request would be answered, and why.
//!
//! JSON, or text to read for who accepts `text/plain` first.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::reply;
use crate::body::Body;
use crate::exchange::Edge;

const USAGE: &str = "write /v1/explain?url=URL, and &header=NAME:VALUE for each field, all percent-encoded";

pub(super) fn answer<B>(request: &Request<B>, edge: &Arc<Edge>) -> Response<Body> {
    let told = asked(request.uri().query().unwrap_or_default())
        .and_then(|(url, headers)| edge.explain(&url, headers).map_err(|bad| bad.to_string()));
    let told = match told {
        Ok(told) => told,
        Err(why) => return reply::refusal(StatusCode::BAD_REQUEST, &why),
    };
    let accept = request.headers().get(header::ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    if accept.starts_with(b"text/plain") {
        return reply::text(StatusCode::OK, told.to_string());
    }
    match serde_json::to_value(&told) {
        Ok(value) => reply::json(StatusCode::OK, &value),
        Err(error) => reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The URL and the fields that a query names.
fn asked(query: &str) -> Result<(String, HeaderMap), String> {
    let (mut url, mut headers) = (None, HeaderMap::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8().map_err(|_| format!("{pair:?} is not UTF-8; {USAGE}"))?;
        match name {
            "url" if url.is_some() => return Err(format!("url stands twice; {USAGE}")),
            "url" => url = Some(value.into_owned()),
            "header" => {
                let field = field(&value).ok_or_else(|| format!("{value:?} is not a header field; {USAGE}"))?;
                headers.append(field.0, field.1);
            }
            _ => return Err(format!("{name:?} is not a parameter; {USAGE}")),
        }
    }
    Ok((url.ok_or_else(|| format!("url is missing; {USAGE}"))?, headers))
}

fn field(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let [name, value] = [name, value].map(|part| part.trim_matches([' ', '\t']));
    Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_url_and_fields() {
        let (url, headers) = asked("url=http%3A%2F%2Fa%2Fx%3Fy%3D1%26z&header=Accept:%20text/html&header=x-a:b+c")
            .expect("a right query");
        assert_eq!(url, "http://a/x?y=1&z");
        assert_eq!(
            (&headers["accept"], &headers["x-a"]),
            (&HeaderValue::from_static("text/html"), &HeaderValue::from_static("b c"))
        );
    }

    #[test]
    fn what_is_wrong_with_a_query_is_told() {
        let cases = [
            ("", "url is missing"),
            ("header=a:b", "url is missing"),
            ("url=a&url=b", "twice"),
            ("url=a&head=b", "not a parameter"),
            ("url=a&header=b", "not a header field"),
            ("url=a&header=b%0a:c", "not a header field"),
            ("url=a&header=b:%00", "not a header field"),
            ("url=%ff", "not UTF-8"),
        ];
        for (query, told) in cases {
            let why = asked(query).expect_err(query);
            assert!(why.contains(told), "{query}: {why}");
        }
    }
}
