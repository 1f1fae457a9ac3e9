//! The filter as an operator sees it: settings in, what reaches the origin and the client out.

use forebay_sdk::rehearsal::{Message, Rehearsal, get, rehearse, request, response};
use serde_json::{Value, json};

use crate::Rewrite;

fn rewrite(settings: &Value) -> Rehearsal<Rewrite> {
    rehearse(&settings.to_string()).expect("settings of a test")
}

fn sent(settings: &Value, message: Message) -> Message {
    rewrite(settings).request(message).sent().clone()
}

#[test]
fn without_settings_nothing_changes() {
    let rewrite = rehearse::<Rewrite>("").expect("no settings");
    let asked = get("http://a.example/x?y=z").with("cookie", "a=b");
    let exchange = rewrite.request(asked.clone());
    assert_eq!(*exchange.sent(), asked);
    assert_eq!(exchange.respond(response(200).with("server", "s")), response(200).with("server", "s"));
}

#[test]
fn paths_are_rewritten_by_prefix_and_pattern() {
    let settings = json!({ "rules": [
        { "prefix": "/docs/", "to": "/handbook" },
        { "path": "/old/*/page-*.html", "to": "/new/$2/$1?from=old" },
    ]});
    for (url, expected) in [
        ("http://a.example/docs", "/handbook"),
        ("http://a.example/docs/", "/handbook/"),
        ("http://a.example/docs/a?b=c", "/handbook/a?b=c"),
        ("http://a.example/docsy", "/docsy"),
        ("http://a.example/old/en/page-7.html", "/new/7/en?from=old"),
        ("http://a.example/old/en/page-7.html?b=c", "/new/7/en?from=old&b=c"),
        ("http://a.example/old/en/page-7.htm", "/old/en/page-7.htm"),
    ] {
        assert_eq!(sent(&settings, get(url)).target(), expected, "{url}");
    }
}

#[test]
fn rules_see_what_earlier_ones_left_until_the_last() {
    let rules = |last: bool| {
        json!({ "rules": [
            { "prefix": "/a", "to": "/b", "last": last },
            { "prefix": "/b", "to": "/c" },
        ]})
    };
    assert_eq!(sent(&rules(false), get("http://a.example/a")).target(), "/c");
    assert_eq!(sent(&rules(true), get("http://a.example/a")).target(), "/b");
}

#[test]
fn a_rule_is_for_its_hosts_and_methods() {
    let settings = json!({ "rules": [
        { "prefix": "/", "hosts": ["Shop.example"], "methods": ["GET", "HEAD"], "to": "/shop" },
    ]});
    for (method, url, expected) in [
        ("GET", "http://shop.example/x", "/shop/x"),
        ("HEAD", "http://SHOP.example:8080/x", "/shop/x"),
        ("POST", "http://shop.example/x", "/x"),
        ("GET", "http://www.shop.example/x", "/x"),
    ] {
        assert_eq!(sent(&settings, request(method, url)).target(), expected, "{method} {url}");
    }
}

#[test]
fn redirects_answer_in_place() {
    let settings = json!({
        "response_headers": { "set": { "x-edge": "1" } },
        "rules": [
            { "path": "/go/**", "to": "https://new.example/$1", "redirect": 308,
              "response_headers": { "set": { "cache-control": "max-age=60" } } },
            { "prefix": "/", "hosts": ["old.example"], "to": "https://new.example", "redirect": 301 },
        ],
    });
    let rewrite = rewrite(&settings);
    for (url, status, location) in [
        ("http://a.example/go/a/b?c=d", 308, "https://new.example/a/b?c=d"),
        ("http://old.example/x?y", 301, "https://new.example/x?y"),
    ] {
        let exchange = rewrite.request(get(url));
        let reply = exchange.reply().expect(url);
        assert_eq!((reply.status(), reply.header("location")), (status, Some(location)), "{url}");
        assert_eq!(reply.header("x-edge"), Some("1"), "{url}");
        assert_eq!(reply.header("cache-control").is_some(), status == 308, "{url}");
    }
}

#[test]
fn headers_are_removed_set_and_added_in_that_order() {
    let settings = json!({
        "request_headers": { "remove": ["Cookie"], "set": { "x-a": "1" }, "add": { "x-a": ["2", "3"] } },
        "response_headers": { "remove": ["server", "x-b"], "add": { "x-b": ["new"] } },
        "rules": [
            { "path": "/**/*.css", "request_headers": { "set": { "x-kind": "css" } },
              "response_headers": { "set": { "x-b": "rule" } } },
        ],
    });
    let rewrite = rewrite(&settings);
    let exchange = rewrite.request(get("http://a.example/a/b.css").with("cookie", "c=d").with("x-a", "0"));
    assert_eq!(exchange.sent().header("cookie"), None);
    assert_eq!(exchange.sent().headers("x-a"), ["1", "2", "3"]);
    assert_eq!(exchange.sent().header("x-kind"), Some("css"));
    let answer = exchange.respond(response(200).with("server", "s").with("x-b", "old"));
    assert_eq!((answer.header("server"), answer.headers("x-b")), (None, vec!["rule"]));

    let other = rewrite.request(get("http://a.example/")).respond(response(200).with("x-b", "old"));
    assert_eq!(other.headers("x-b"), ["new"], "a rule's response headers are for the requests it matched");
}

#[test]
fn setting_host_changes_the_authority() {
    let settings = json!({ "request_headers": { "set": { "host": "inner.example" } } });
    let message = sent(&settings, get("http://a.example/"));
    assert_eq!((message.header(":authority"), message.header("host")), (Some("inner.example"), None));
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, expected) in [
        (json!({ "rule": [] }), "settings.rule: unknown field `rule`"),
        (
            json!({ "rules": [{ "path": "/a", "prefix": "/b", "to": "/" }] }),
            "settings.rules[0]: a rule has a `prefix` or",
        ),
        (json!({ "rules": [{ "path": "a", "to": "/" }] }), "settings.rules[0].path: \"a\" is no path pattern"),
        (json!({ "rules": [{ "prefix": "/a*", "to": "/" }] }), "settings.rules[0]: `prefix` \"/a*\" must"),
        (json!({ "rules": [{ "prefix": "/a" }] }), "settings.rules[0]: the rule does nothing"),
        (json!({ "rules": [{ "redirect": 301 }] }), "settings.rules[0]: `redirect` needs `to`"),
        (json!({ "rules": [{ "to": "/", "redirect": 304 }] }), "settings.rules[0].redirect: a redirect has status 301"),
        (json!({ "rules": [{ "to": "/$1" }] }), "settings.rules[0]: `to` names $1, but `path` has 0 stars"),
        (json!({ "rules": [{ "to": "/$x" }] }), "settings.rules[0].to: \"/$x\": after"),
        (json!({ "request_headers": { "set": { "a b": "c" } } }), "settings.request_headers.set.a b: \"a b\" is no"),
        (json!({ "request_headers": { "set": { "a": "c\nd" } } }), "settings.request_headers.set.a: \"c\\nd\" is no"),
        (json!({ "response_headers": { "remove": ["Connection"] } }), "settings.response_headers.remove[0]: \"conn"),
        (json!({ "response_headers": { "add": { "a": "b" } } }), "settings.response_headers.add.a: invalid type"),
    ] {
        let fault = rehearse::<Rewrite>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.starts_with(expected), "{settings}: {fault}");
    }
}
