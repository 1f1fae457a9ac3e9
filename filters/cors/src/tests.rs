//! The filter as a browser sees it.

use forebay_sdk::rehearsal::{Message, get, rehearse, request, response};

use crate::Cors;

const SETTINGS: &str = r#"{ "origins": ["https://shop.example", "https://*.shop.example"], "credentials": true,
    "methods": ["get", "PUT"], "headers": ["X-Token"], "expose": ["X-Id"], "max_age": "1h" }"#;

fn answer(settings: &str, origin: Option<&str>) -> Message {
    let ask = origin.into_iter().fold(get("https://api.example/"), |ask, origin| ask.with("origin", origin));
    let from_origin = response(200).with("access-control-allow-origin", "*").with("vary", "accept");
    let from_origin = from_origin.with("access-control-allow-private-network", "true");
    rehearse::<Cors>(settings).expect(settings).request(ask).respond(from_origin)
}

#[test]
fn only_listed_origins_may_read() {
    for (origin, allowed) in [
        ("https://shop.example", true),
        ("https://www.shop.example", true),
        ("https://a.b.shop.example", true),
        ("http://shop.example", false),
        ("https://shop.example:8443", false),
        ("https://evilshop.example", false),
        ("https://shop.example.evil.example", false),
        ("https://evil.example/.shop.example", false),
        ("https://evil.example#.shop.example", false),
        ("https://evil@x.shop.example", false),
        ("https://SHOP.example", false),
        ("null", false),
        ("", false),
    ] {
        let answer = answer(SETTINGS, Some(origin));
        assert_eq!(answer.header("access-control-allow-origin"), allowed.then_some(origin), "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), allowed.then_some("true"), "{origin}");
        assert_eq!(answer.header("access-control-expose-headers"), allowed.then_some("x-id"), "{origin}");
        assert_eq!(answer.headers("vary"), ["accept, origin"], "{origin}");
        assert_eq!(answer.header("access-control-allow-private-network"), None, "{origin}");
    }
    let without = answer(SETTINGS, None);
    assert_eq!((without.header("access-control-allow-origin"), without.header("vary")), (None, Some("accept, origin")));
    let open = answer(r#"{ "origins": ["*"] }"#, Some("https://any.example"));
    assert_eq!((open.header("access-control-allow-origin"), open.header("vary")), (Some("*"), Some("accept")));
}

#[test]
fn a_preflight_is_answered_without_the_origin() {
    let cors = rehearse::<Cors>(SETTINGS).expect("settings");
    let options = |origin: &str| request("OPTIONS", "https://api.example/a").with("origin", origin);
    let preflight = |origin: &str| options(origin).with("access-control-request-method", "PUT");
    let exchange = cors.request(preflight("https://shop.example"));
    let reply = exchange.reply().expect("an answer");
    assert_eq!(reply.status(), 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://shop.example"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-token"),
        ("access-control-max-age", "3600"),
        ("vary", "origin, access-control-request-method, access-control-request-headers"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    let strange = cors.request(preflight("https://evil.example"));
    let reply = strange.reply().expect("an answer");
    assert_eq!((reply.status(), reply.header("access-control-allow-methods")), (204, None));
    assert!(cors.request(options("https://shop.example")).reply().is_none(), "other OPTIONS are the origin's");
}

#[test]
fn wrong_settings_are_refused() {
    for (settings, expected) in [
        ("{}", "missing field `origins`"),
        (r#"{ "origins": ["*"], "credentials": true }"#, "with credentials origins must be named"),
        (r#"{ "origins": ["null"] }"#, "\"null\" is no origin"),
        (r#"{ "origins": ["https://Shop.example"] }"#, "is no origin"),
        (r#"{ "origins": ["shop.example"] }"#, "\"shop.example\" is no origin"),
        (r#"{ "origins": ["https://*shop.example"] }"#, "is no origin"),
        (r#"{ "origins": ["https://shop.example/"] }"#, "is no origin"),
        (r#"{ "origins": [], "methods": ["A B"] }"#, "settings.methods[0]"),
    ] {
        let fault = rehearse::<Cors>(settings).expect_err(settings);
        assert!(fault.contains(expected), "{settings}: {fault}");
    }
}
