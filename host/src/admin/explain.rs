//! `GET /v1/explain?url=URL&header=NAME:VALUE&method=METHOD`: how a request would be answered, and why.
//!
//! JSON, or text to read for who accepts `text/plain` first.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::reply;
use crate::body::Body;
use crate::exchange::Edge;

const USAGE: &str = "write /v1/explain?url=URL, &header=NAME:VALUE for each field, and &method=HEAD for another than GET, percent-encoded";

pub(super) async fn answer<B>(request: Request<B>, edge: &Arc<Edge>) -> Response<Body> {
    let (request, _) = request.into_parts();
    let told = match asked(request.uri.query().unwrap_or_default()) {
        Ok(asked) => edge.explain(asked.method, &asked.url, asked.headers).await.map_err(|bad| bad.to_string()),
        Err(why) => Err(why),
    };
    let told = match told {
        Ok(told) => told,
        Err(why) => return reply::refusal(StatusCode::BAD_REQUEST, &why),
    };
    let accept = request.headers.get(header::ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    if accept.starts_with(b"text/plain") {
        return reply::text(StatusCode::OK, told.to_string());
    }
    match serde_json::to_value(&told) {
        Ok(value) => reply::json(StatusCode::OK, &value),
        Err(error) => reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The request that a query describes.
#[derive(Debug)]
struct Asked {
    method: Method,
    url: String,
    headers: HeaderMap,
}

fn asked(query: &str) -> Result<Asked, String> {
    let (mut method, mut url, mut headers) = (None, None, HeaderMap::new());
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
            "method" if method.is_some() => return Err(format!("method stands twice; {USAGE}")),
            "method" => method = Some(value.parse().map_err(|_| format!("{value:?} is not a method; {USAGE}"))?),
            _ => return Err(format!("{name:?} is not a parameter; {USAGE}")),
        }
    }
    let url = url.ok_or_else(|| format!("url is missing; {USAGE}"))?;
    Ok(Asked { method: method.unwrap_or(Method::GET), url, headers })
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
        let query = "url=http%3A%2F%2Fa%2Fx%3Fy%3D1%26z&header=Accept:%20text/html&header=x-a:b+c";
        let Asked { method, url, headers } = asked(query).expect("a right query");
        assert_eq!((method, asked("url=a&method=HEAD").expect("a right query").method), (Method::GET, Method::HEAD));
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
            ("url=a&method=", "not a method"),
            ("url=a&method=GET&method=GET", "twice"),
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
