//! The filter as an operator sees it. The signatures were made by another implementation of HMAC (Python's).

use std::time::{Duration, SystemTime};

use forebay_sdk::rehearsal::{Rehearsal, get, rehearse, request};
use serde_json::{Value, json};

use crate::SignedUrl;

/// An hour after a rehearsal begins.
const EXPIRY: u64 = 1_735_693_200;
const PATH_SIGNED: &str = "Ks17EzuEeD77FdgRZNINjMYdo5xx7fDlFgbId9DuBmQ";
const PATH_SIGNED_NEXT: &str = "yqtuvoY5Z0CuJFRqq0nlNYCjTrvFUYxnC1OxN3Wi7vA";
const PATH_SIGNED_HEX: &str = "2acd7b133b84783efb15d81164d20d8cc61da39c71edf0e51606c877d0ee0664";
const PREFIX_SIGNED: &str = "iCEU5wUvZ3bu48T3I598Fxb48-0i05zG_R5pNEGzpCY";

fn filter(settings: Value) -> Rehearsal<SignedUrl> {
    let mut all = json!({ "keys": { "one": "a secret of sixteen bytes" } });
    all.as_object_mut().expect("a table").extend(settings.as_object().cloned().unwrap_or_default());
    rehearse(&all.to_string()).expect("settings of a test")
}

/// What a request ends as: its target at the origin, or the status and reason.
fn outcome(filter: &Rehearsal<SignedUrl>, target: &str) -> Result<String, (u16, String)> {
    let exchange = filter.request(get(&format!("http://a.example{target}")));
    match exchange.reply() {
        Some(reply) => Err((reply.status(), String::from_utf8_lossy(reply.body()).trim().to_owned())),
        None => Ok(exchange.sent().target().to_owned()),
    }
}

fn refused(word: &str) -> Result<String, (u16, String)> {
    Err((403, word.to_owned()))
}

#[test]
fn a_signed_path_passes_without_the_parameters_of_the_filter() {
    let filter = filter(json!({}));
    for (query, expected) in [
        (format!("exp={EXPIRY}&sig={PATH_SIGNED}"), "/video/1.mp4"),
        (format!("exp={EXPIRY}&sig={PATH_SIGNED}&kid=one"), "/video/1.mp4"),
        (format!("a=1&sig={PATH_SIGNED}&b=2&exp={EXPIRY}"), "/video/1.mp4?a=1&b=2"),
    ] {
        assert_eq!(outcome(&filter, &format!("/video/1.mp4?{query}")).as_deref(), Ok(expected), "{query}");
    }
    assert_eq!(filter.metric(r#"signed_url_requests_total{outcome="passed"}"#), 3);
}

#[test]
fn a_signed_prefix_is_for_all_below_it_and_nothing_else() {
    let filter = filter(json!({}));
    let query = format!("prefix=/video/1&exp={EXPIRY}&sig={PREFIX_SIGNED}");
    for path in ["/video/1", "/video/1/a.ts", "/video/1/b/c.ts"] {
        assert_eq!(outcome(&filter, &format!("{path}?{query}")).as_deref(), Ok(path));
    }
    let escaped = query.replace('/', "%2F");
    assert_eq!(outcome(&filter, &format!("/video/1/a.ts?{escaped}")).as_deref(), Ok("/video/1/a.ts"));
    for path in ["/video/10", "/video", "/", "/video/1/../2", "/video/1/%2e%2e/2", "/video/1/..%2f2", "/video/1/..;/2"]
    {
        assert_eq!(outcome(&filter, &format!("{path}?{query}")), refused("outside"), "{path}");
    }
}

#[test]
fn every_refusal_has_its_word() {
    let filter = filter(json!({}));
    for (target, word) in [
        ("/video/1.mp4".to_owned(), "unsigned"),
        (format!("/video/1.mp4?sig={PATH_SIGNED}"), "malformed"),
        (format!("/video/1.mp4?exp=&sig={PATH_SIGNED}"), "malformed"),
        (format!("/video/1.mp4?exp=+{EXPIRY}&sig={PATH_SIGNED}"), "malformed"),
        (format!("/video/1.mp4?exp=99999999999999999999&sig={PATH_SIGNED}"), "malformed"),
        (format!("/video/1.mp4?exp={EXPIRY}&exp=1&sig={PATH_SIGNED}"), "malformed"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED}="), "malformed"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED_HEX}%"), "malformed"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED}&kid=two"), "unknown_key"),
        (format!("/video/2.mp4?exp={EXPIRY}&sig={PATH_SIGNED}"), "forged"),
        (format!("/video/1.mp4?exp=9{EXPIRY}&sig={PATH_SIGNED}"), "forged"),
        (format!("/video/1.mp4?exp=0{EXPIRY}&sig={PATH_SIGNED}"), "forged"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig={PREFIX_SIGNED}"), "forged"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig="), "forged"),
        (format!("/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED}&prefix=/video/1.mp4"), "forged"),
    ] {
        assert_eq!(outcome(&filter, &target), refused(word), "{target}");
    }
    assert_eq!(filter.metric(r#"signed_url_requests_total{outcome="unsigned"}"#), 1);
}

#[test]
fn a_link_to_read_is_none_to_write() {
    let url = format!("http://a.example/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED}");
    let reading = filter(json!({}));
    let writing = filter(json!({ "methods": ["PUT"] }));
    for (method, reads, writes) in
        [("GET", true, false), ("HEAD", true, false), ("PUT", false, true), ("put", false, false)]
    {
        let passes = |filter: &Rehearsal<SignedUrl>| filter.request(request(method, &url)).reply().is_none();
        assert_eq!((passes(&reading), passes(&writing)), (reads, writes), "{method}");
    }
    assert_eq!(reading.metric(r#"signed_url_requests_total{outcome="method"}"#), 2);
}

#[test]
fn the_second_of_expiry_is_the_last() {
    let filter = filter(json!({}));
    let target = format!("/video/1.mp4?exp={EXPIRY}&sig={PATH_SIGNED}");
    for (now, expected) in [(EXPIRY, Ok("/video/1.mp4".to_owned())), (EXPIRY + 1, refused("expired"))] {
        filter.set_now(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        assert_eq!(outcome(&filter, &target), expected, "{now}");
    }
}

#[test]
fn two_keys_serve_while_one_replaces_the_other() {
    let keys = json!({ "one": "a secret of sixteen bytes", "two": "the secret that follows" });
    let filter = filter(json!({ "keys": keys }));
    for (key, signature, expected) in [
        ("&kid=one", PATH_SIGNED, Ok("/video/1.mp4".to_owned())),
        ("&kid=two", PATH_SIGNED_NEXT, Ok("/video/1.mp4".to_owned())),
        ("&kid=two", PATH_SIGNED, refused("forged")),
        ("", PATH_SIGNED, refused("unknown_key")),
    ] {
        let target = format!("/video/1.mp4?exp={EXPIRY}&sig={signature}{key}");
        assert_eq!(outcome(&filter, &target), expected, "{target}");
    }
}

#[test]
fn names_encoding_and_status_are_the_operators() {
    let parameters = json!({ "signature": "Signature", "expires": "Expires" });
    let filter = filter(json!({ "encoding": "hex", "status": 404, "parameters": parameters }));
    let target = format!("/video/1.mp4?Expires={EXPIRY}&Signature={PATH_SIGNED_HEX}&sig=own");
    assert_eq!(outcome(&filter, &target).as_deref(), Ok("/video/1.mp4?sig=own"));
    assert_eq!(outcome(&filter, "/video/1.mp4"), Err((404, "unsigned".to_owned())));
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, expected) in [
        (json!({}), "settings: missing field `keys`"),
        (json!({ "keys": {} }), "settings.keys: there must be a key"),
        (json!({ "keys": { "one": "short" } }), "settings.keys.one: a secret has 16 bytes or more"),
        (json!({ "encoding": "base64" }), "settings.encoding: unknown variant `base64`"),
        (json!({ "status": 200 }), "settings.status: 200 is none of 401, 403, 404 and 410"),
        (json!({ "parameters": { "sig": "s" } }), "settings.parameters.sig: unknown field `sig`"),
    ] {
        let fault = rehearse::<SignedUrl>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.starts_with(expected), "{settings}: {fault}");
    }
}
