//! The filter as an operator sees it.

use forebay_sdk::rehearsal::{get, rehearse, response};

use crate::Device;

#[test]
fn devices_are_told_apart_by_agent_and_hint() {
    let device = rehearse::<Device>("").expect("no settings");
    for (agent, hint, expected) in [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", None, "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/130.0 Mobile Safari/537.36", None, "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/130.0 Safari/537.36", None, "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/130.0 Safari/537.36", Some("?0"), "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Mobile/15E148", None, "tablet"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0", None, "desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0", Some("?1"), "mobile"),
        ("Mozilla/5.0 (Linux; Android 6.0.1) Mobile (compatible; Googlebot/2.1)", Some("?1"), "bot"),
        ("", None, "desktop"),
        ("x", Some("1"), "desktop"),
    ] {
        let request = get("http://a.example/").with("user-agent", agent).with("x-device", "bot");
        let request = hint.into_iter().fold(request, |request, hint| request.with("sec-ch-ua-mobile", hint));
        let exchange = device.request(request);
        assert_eq!(exchange.sent().headers("x-device"), [expected], "{agent} {hint:?}");
        assert_eq!(exchange.cache().key_parts(), [("device".to_owned(), expected.to_string())], "{agent} {hint:?}");
    }
}

#[test]
fn header_key_and_vary_are_the_operators() {
    let device = rehearse::<Device>(r#"{ "header": false, "in_key": false, "vary": true }"#).expect("settings");
    let exchange = device.request(get("http://a.example/"));
    assert_eq!((exchange.sent().header("x-device"), exchange.cache().key_parts()), (None, vec![]));
    let answer = exchange.respond(response(200).with("vary", "accept"));
    assert_eq!(answer.header("vary"), Some("accept, sec-ch-ua-mobile, user-agent"));
    let fault = rehearse::<Device>(r#"{ "header": true }"#).expect_err("wrong settings");
    assert!(fault.contains("expected a header name, or false"), "{fault}");
}
