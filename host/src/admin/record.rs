//! `POST /v1/filters/NAME/record?exchanges=N&seconds=N&bytes=N&percent=N`: a trace of a filter's exchanges, as it grows.
//!
//! The answer ends with the recording, which ends by whichever bound is met first, and also where whoever asked for it
//! goes away.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::reply;
use crate::body::{Body, BodyError};
use crate::exchange::Edge;
use crate::filter::{RecordBounds, RecordRefusal, Recording};

/// Bounds of a recording that names none, and the most that any of them can be.
const EXCHANGES: Bound = Bound { usual: 1_000, max: 1_000_000 };
const SECONDS: Bound = Bound { usual: 60, max: 3_600 };
const BYTES: Bound = Bound { usual: 64 << 20, max: 4 << 30 };
const PERCENT: Bound = Bound { usual: 100, max: 100 };

const USAGE: &str = "the bounds are exchanges, seconds, bytes and percent";

/// From 1.
struct Bound {
    usual: u64,
    max: u64,
}

/// The filter that a path is about, as it is written there.
pub(super) fn filter(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/v1/filters/")?.strip_suffix("/record")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

pub(super) async fn answer<B>(request: &Request<B>, edge: &Arc<Edge>) -> Response<Body> {
    if request.headers().contains_key(header::ORIGIN) {
        return reply::refusal(StatusCode::FORBIDDEN, "pages in browsers may not record; send no Origin field");
    }
    let name = filter(request.uri().path()).and_then(|name| percent_decode_str(name).decode_utf8().ok());
    let Some(name) = name.map(Cow::into_owned) else {
        return reply::refusal(StatusCode::NOT_FOUND, "write /v1/filters/NAME/record");
    };
    let bounds = match bounds(request.uri().query().unwrap_or_default()) {
        Ok(bounds) => bounds,
        Err(why) => return reply::refusal(StatusCode::BAD_REQUEST, &why),
    };
    let edge = edge.clone();
    // The image is packed, and calls are linked anew.
    match tokio::task::spawn_blocking(move || edge.record(&name, bounds)).await {
        Ok(Ok(recording)) => lines(recording),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("the recording broke off: {error}")),
    }
}

fn lines(recording: Recording) -> Response<Body> {
    let lines = stream::unfold(recording, |mut recording| async move {
        let line = recording.next().await?;
        Some((Ok::<_, BodyError>(Frame::data(line)), recording))
    });
    let answer = reply::text(StatusCode::OK, "").map(|_| Body::stream(StreamBody::new(lines)));
    reply::with(answer, header::CONTENT_TYPE, "application/x-ndjson")
}

fn refused(refusal: &RecordRefusal) -> Response<Body> {
    let status = match refusal {
        RecordRefusal::Unknown => StatusCode::NOT_FOUND,
        RecordRefusal::Busy | RecordRefusal::NoImage | RecordRefusal::TooLarge => StatusCode::CONFLICT,
        RecordRefusal::Sandbox(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    reply::json(status, &json!({ "error": refusal.to_string(), "reason": refusal.word() }))
}

fn bounds(query: &str) -> Result<RecordBounds, String> {
    let (mut exchanges, mut seconds, mut bytes, mut percent) = (None, None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (place, bound) = match name {
            "exchanges" => (&mut exchanges, EXCHANGES),
            "seconds" => (&mut seconds, SECONDS),
            "bytes" => (&mut bytes, BYTES),
            "percent" => (&mut percent, PERCENT),
            _ => return Err(format!("{name:?} is not a bound; {USAGE}")),
        };
        let number = value.parse().ok().filter(|number| (1..=bound.max).contains(number));
        let number = number.ok_or_else(|| format!("{name} is not a number from 1 to {}; {USAGE}", bound.max))?;
        if place.replace(number).is_some() {
            return Err(format!("{name} stands twice; {USAGE}"));
        }
    }
    Ok(RecordBounds {
        exchanges: exchanges.unwrap_or(EXCHANGES.usual),
        duration: Duration::from_secs(seconds.unwrap_or(SECONDS.usual)),
        bytes: bytes.unwrap_or(BYTES.usual),
        percent: u8::try_from(percent.unwrap_or(PERCENT.usual)).unwrap_or(u8::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_sets_bounds_and_leaves_the_others() {
        let usual = bounds("").expect("nothing is right");
        assert_eq!((usual.exchanges, usual.duration, usual.percent), (1_000, Duration::from_secs(60), 100));
        let set = bounds("exchanges=1&percent=5&seconds=3600&bytes=1000").expect("a right query");
        assert_eq!((set.exchanges, set.duration.as_secs(), set.bytes, set.percent), (1, 3_600, 1_000, 5));
    }

    #[test]
    fn what_is_wrong_with_a_query_is_told() {
        for (query, told) in [
            ("exchanges=0", "from 1 to 1000000"),
            ("percent=101", "from 1 to 100"),
            ("seconds=3601", "from 1 to 3600"),
            ("bytes=", "from 1 to"),
            ("bytes=-1", "from 1 to"),
            ("seconds=1&seconds=1", "twice"),
            ("size=1", "not a bound"),
        ] {
            let why = bounds(query).expect_err(query);
            assert!(why.contains(told), "{query}: {why}");
        }
    }
}
