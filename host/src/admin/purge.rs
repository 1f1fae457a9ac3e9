//! `POST /v1/purge`: what to give up, as JSON.
//!
//! The body must say that it is JSON, and no page in a browser may have sent it: a form on a foreign site can reach a
//! loopback address, but neither set that content type nor hide where it comes from.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::reply;
use crate::body::Body;
use crate::cache::Mode;
use crate::exchange::{Asker, Edge, Purged, Wanted};

/// Some thousand URLs; more go in several requests.
const BODY_BYTES_MAX: usize = 1 << 20;
/// All of the body must be here within this time; operators are near.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const KEYS: &str = "\"url\", \"tag\", \"prefix\", \"host\" (each also in the plural), \"all\" and \"soft\"";

/// A refusal: its status, and what to write.
type Refused = (StatusCode, String);

pub(super) async fn answer<B>(request: Request<B>, edge: &Edge) -> Response<Body>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match purge(request, edge).await {
        Ok(purged) => reply::json(purged.status(), &purged.json()),
        Err((status, why)) => reply::refusal(status, &why),
    }
}

async fn purge<B>(request: Request<B>, edge: &Edge) -> Result<Purged, Refused>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if request.headers().contains_key(header::ORIGIN) {
        return Err((StatusCode::FORBIDDEN, "pages in browsers may not purge; send no Origin field".to_owned()));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !media_type.eq_ignore_ascii_case(b"application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "write Content-Type: application/json".to_owned()));
    }
    let body = whole(request.into_body()).await?;
    let (wanted, mode) = read(&body).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    edge.purge(&wanted, mode, Asker::Admin).await.map_err(|bad| (StatusCode::BAD_REQUEST, bad.to_string()))
}

async fn whole<B>(body: B) -> Result<Bytes, Refused>
where
    B: http_body::Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match collected {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the body is too large; write {BODY_BYTES_MAX} bytes or less");
            Err((StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, format!("the body broke off: {error}"))),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned())),
    }
}

/// What a body asks for, or what is wrong with it.
fn read(body: &[u8]) -> Result<(Vec<Wanted>, Mode), String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let Value::Object(object) = value else {
        return Err(format!("the body is not an object; write {{\"url\": \"http://...\"}}, the keys are {KEYS}"));
    };
    let (mut wanted, mut mode) = (Vec::new(), Mode::Hard);
    for (key, value) in &object {
        let make = match key.as_str() {
            "url" | "urls" => Wanted::Url,
            "prefix" | "prefixes" => Wanted::Prefix,
            "host" | "hosts" => Wanted::Host,
            "tag" | "tags" => Wanted::Tag,
            "all" => {
                if !matches!(value, Value::Bool(true)) {
                    return Err("\"all\" is not true; write true, or leave it out".to_owned());
                }
                wanted.push(Wanted::All);
                continue;
            }
            "soft" => {
                let soft = value.as_bool().ok_or("\"soft\" is neither true nor false")?;
                mode = if soft { Mode::Soft } else { Mode::Hard };
                continue;
            }
            unknown => return Err(format!("{unknown:?} is not a key; the keys are {KEYS}")),
        };
        wanted.extend(texts(&object, key)?.into_iter().map(make));
    }
    if wanted.is_empty() {
        return Err(format!("nothing is named; write one of {KEYS}"));
    }
    Ok((wanted, mode))
}

/// One string, or several in an array.
fn texts(object: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{key:?} is neither a string nor an array of strings");
    match object.get(key) {
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(values)) if values.is_empty() => Err(format!("{key:?} is empty; write what to purge")),
        Some(Value::Array(values)) => {
            values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_several_of_each_may_be_named() {
        let own = |text: &str| text.to_owned();
        let cases = [
            (r#"{"url": "u"}"#, vec![Wanted::Url(own("u"))], Mode::Hard),
            (r#"{"urls": ["u", "v"], "soft": true}"#, vec![Wanted::Url(own("u")), Wanted::Url(own("v"))], Mode::Soft),
            (r#"{"tag": "a", "host": "h"}"#, vec![Wanted::Host(own("h")), Wanted::Tag(own("a"))], Mode::Hard),
            (r#"{"prefix": ["p"], "soft": false}"#, vec![Wanted::Prefix(own("p"))], Mode::Hard),
            (r#"{"all": true}"#, vec![Wanted::All], Mode::Hard),
        ];
        for (body, wanted, mode) in cases {
            assert_eq!(read(body.as_bytes()), Ok((wanted, mode)), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            ("", "not JSON"),
            ("[]", "not an object"),
            ("{}", "nothing is named"),
            (r#"{"soft": true}"#, "nothing is named"),
            (r#"{"ulr": "u"}"#, "\"ulr\" is not a key"),
            (r#"{"url": 7}"#, "neither a string"),
            (r#"{"url": [7]}"#, "neither a string"),
            (r#"{"url": []}"#, "empty"),
            (r#"{"url": null}"#, "neither a string"),
            (r#"{"all": false}"#, "write true"),
            (r#"{"all": true, "soft": 1}"#, "neither true nor false"),
        ];
        for (body, told) in cases {
            let why = read(body.as_bytes()).expect_err(body);
            assert!(why.contains(told), "{body}: {why}");
        }
    }
}
