//! Work that waits for calls to the origin `side`.

use std::time::Duration;

use forebay_sdk::http::{self, Answer, Fault};
use forebay_sdk::prelude::*;

pub fn on_request(path: &str, request: &mut Request) -> Flow {
    match path {
        "/both" => request.later(async |request| {
            // Both are under way before either is waited for, and the later one is waited for first.
            let (first, second) = (call("/first").send(), call("/second").send());
            let second = said(second.await);
            let first = said(first.await);
            request.headers_mut().set("x-first", first).set("x-second", second);
            Flow::Continue
        }),
        "/chained" => request.later(async |request| {
            let user = said(call("/user").await);
            let groups = said(call(&format!("/groups/{user}")).await);
            request.headers_mut().set("x-groups", groups);
            Flow::Continue
        }),
        "/door" => {
            request.remember(String::from("the door"));
            request.later(async |request| {
                let token = request.headers().get("authorization").unwrap_or_default();
                let call = call("/check").method("POST").header("authorization", &token).body("who?");
                match call.await {
                    Ok(answer) if answer.status() == 200 => Flow::Continue,
                    Ok(answer) => Flow::reply(403).header("x-told", answer.header("x-why").unwrap_or("")).body("no\n"),
                    Err(_) => Flow::reply(503),
                }
            })
        }
        "/unknown" => request.later(async |request| {
            request.headers_mut().set("x-said", said(http::call("nobody").await));
            Flow::Continue
        }),
        "/late" => request.later(async |request| {
            let answer = call("/never").timeout(Duration::from_millis(20)).await;
            request.headers_mut().set("x-said", said(answer));
            Flow::Continue
        }),
        "/dropped" => {
            drop(call("/unheard").send());
            Flow::Continue
        }
        _ => Flow::Continue,
    }
}

pub fn on_response(path: &str, response: &mut Response) -> Flow {
    match path {
        "/after" => response.later(async |response| {
            let said = said(call("/stamp").await);
            response.headers_mut().set("x-stamp", said);
            Flow::Continue
        }),
        "/door" => {
            let remembered = response.recall::<String>().cloned().unwrap_or_default();
            response.headers_mut().set("x-remembered", remembered);
            Flow::Continue
        }
        _ => Flow::Continue,
    }
}

/// Lets a body go on where it may.
pub fn about_body(bytes: Vec<u8>) -> Flow {
    http::later(async {
        match call("/scan").method("POST").body(bytes).await {
            Ok(answer) if answer.trailer("x-sum") == Some("doubtful") => Flow::reply(409),
            Ok(answer) if answer.status() == 200 => Flow::Continue,
            _ => Flow::reply(422),
        }
    })
}

/// Lets trailers go on where they may.
pub fn about_trailers() -> Flow {
    http::later(async {
        match call("/sum").await {
            Ok(answer) if answer.status() == 200 => Flow::Continue,
            _ => Flow::reply(409),
        }
    })
}

pub fn call(path: &str) -> http::Call {
    http::call("side").path(path).host("side.example")
}

/// What was answered, or why nothing was.
pub fn said(answer: Result<Answer, Fault>) -> String {
    match answer {
        Ok(answer) => String::from_utf8_lossy(answer.body()).into_owned(),
        Err(Fault::Refused) => String::from("refused"),
        Err(Fault::Unanswered) => String::from("unanswered"),
    }
}
