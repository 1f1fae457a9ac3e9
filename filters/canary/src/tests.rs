//! The filter as an operator sees it: settings in, origins, cookies, headers and counters out.

use forebay_sdk::rehearsal::{Message, Rehearsal, get, rehearse, response};
use serde_json::{Value, json};

use crate::Canary;

fn canary(settings: &Value) -> Rehearsal<Canary> {
    rehearse(&settings.to_string()).expect("settings of a test")
}

fn percent(percent: f64) -> Rehearsal<Canary> {
    canary(&json!({ "origin": "next", "percent": percent }))
}

fn user(place: &str) -> Message {
    get("http://a.example/").with("cookie", format!("a=b; forebay_canary={place}"))
}

#[test]
fn a_known_user_stays_in_place_and_gets_no_cookie() {
    for (share, place, origin, arm) in [
        (10.0, "0", Some("next"), "canary"),
        (10.0, "999", Some("next"), "canary"),
        (10.0, "1000", None, "stable"),
        (0.01, "0", Some("next"), "canary"),
        (0.01, "1", None, "stable"),
        (100.0, "9999", Some("next"), "canary"),
    ] {
        let canary = percent(share);
        let exchange = canary.request(user(place));
        assert_eq!(exchange.origin(), origin, "{share} {place}");
        let answer = exchange.respond(response(200));
        assert_eq!(answer.header("x-forebay-canary"), Some(arm), "{share} {place}");
        assert_eq!(answer.header("set-cookie"), None, "{share} {place}");
    }
}

#[test]
fn a_newcomer_gets_a_cookie_that_leads_to_the_same_arm() {
    let canary = percent(50.0);
    for _ in 0..100 {
        let exchange = canary.request(get("http://a.example/"));
        let origin = exchange.origin().map(str::to_owned);
        let answer = exchange.respond(response(200).with("set-cookie", "own=1"));
        let [own, cookie] = answer.headers("set-cookie")[..] else { panic!("two cookies") };
        assert_eq!(own, "own=1");
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/; Max-Age=2592000; SameSite=Lax; HttpOnly");
        let again = canary.request(get("http://a.example/").with("cookie", pair));
        assert_eq!(again.origin(), origin.as_deref());
        assert_eq!(again.respond(response(200)).header("x-forebay-canary"), answer.header("x-forebay-canary"));
    }
}

#[test]
fn newcomers_are_divided_by_percent_and_counted() {
    let canary = percent(10.0);
    for _ in 0..10_000 {
        canary.request(get("http://a.example/"));
    }
    let chosen = canary.metric(r#"canary_requests_total{arm="canary"}"#);
    assert!((850..1150).contains(&chosen), "{chosen} of 10000");
    assert_eq!(canary.metric(r#"canary_requests_total{arm="stable"}"#), 10_000 - chosen);
}

#[test]
fn raising_the_percentage_takes_nobody_back() {
    let (ten, twenty) = (percent(10.0), percent(20.0));
    let chosen = |canary: &Rehearsal<Canary>, place: u32| canary.request(user(&place.to_string())).origin().is_some();
    for place in (0..10_000).step_by(7) {
        assert!(chosen(&twenty, place) || !chosen(&ten, place), "{place}");
    }
}

#[test]
fn at_zero_percent_the_release_is_off() {
    let canary = percent(0.0);
    let exchange = canary.request(get("http://a.example/"));
    assert_eq!(exchange.origin(), None);
    let answer = exchange.respond(response(200));
    assert_eq!((answer.header("x-forebay-canary"), answer.header("set-cookie")), (Some("stable"), None));
}

#[test]
fn a_forged_cookie_is_a_newcomer() {
    for value in ["canary", "10000", "-1", ""] {
        let answer = percent(10.0).request(user(value)).respond(response(200));
        assert!(answer.header("set-cookie").is_some(), "{value}");
    }
}

#[test]
fn a_header_can_choose_the_arm_for_one_request() {
    let canary = canary(&json!({ "origin": "next", "percent": 0, "override_header": "x-arm" }));
    for (word, origin) in [("canary", Some("next")), ("stable", None), ("other", None)] {
        let exchange = canary.request(get("http://a.example/").with("x-arm", word));
        assert_eq!(exchange.origin(), origin, "{word}");
        assert_eq!(exchange.respond(response(200)).header("set-cookie"), None, "{word}");
    }
}

#[test]
fn cookie_and_header_are_the_operators() {
    let canary = canary(&json!({
        "origin": "next",
        "percent": 100,
        "header": "X-Release",
        "cookie": { "name": "release", "max_age": "12h", "path": "/shop", "domain": "shop.example", "secure": true,
                    "http_only": false, "same_site": "None" },
    }));
    let answer = canary.request(get("http://a.example/")).respond(response(200));
    assert_eq!(answer.header("x-release"), Some("canary"));
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("release="), "{cookie}");
    assert!(cookie.ends_with("; Path=/shop; Max-Age=43200; Domain=shop.example; SameSite=None; Secure"), "{cookie}");
}

#[test]
fn the_header_can_be_left_out() {
    let canary = canary(&json!({ "origin": "next", "percent": 100, "header": false }));
    assert_eq!(canary.request(user("1")).respond(response(200)), response(200));
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, expected) in [
        (json!({}), "settings: missing field `origin`"),
        (json!({ "origin": "a" }), "settings: missing field `percent`"),
        (
            json!({ "origin": "a", "percent": 101 }),
            "settings.percent: invalid value: integer `101`, expected a number from",
        ),
        (
            json!({ "origin": "a", "percent": 0.001 }),
            "settings.percent: invalid value: a number with a point, expected",
        ),
        (json!({ "origin": "a", "percent": 1, "percents": 2 }), "settings.percents: unknown field `percents`"),
        (json!({ "origin": "a", "percent": 1, "header": true }), "settings.header: invalid value: boolean `true`"),
        (json!({ "origin": "a", "percent": 1, "header": "a b" }), "settings.header: invalid value: string \"a b\""),
        (json!({ "cookie": { "max_age": "1" } }), "settings.cookie.max_age: \"1\" is no span of time"),
        (json!({ "cookie": { "path": "/;" } }), "settings.cookie.path: \"/;\" cannot stand in a cookie"),
        (json!({ "cookie": { "name": "a=b" } }), "settings.cookie.name: \"a=b\" is no name of a cookie"),
        (json!({ "cookie": { "same_site": "lax" } }), "settings.cookie.same_site: unknown variant `lax`"),
    ] {
        let fault = rehearse::<Canary>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.starts_with(expected), "{settings}: {fault}");
    }
}
