//! The filter as an operator sees it: rules and pages in, pages out, whatever pieces they come in.

use forebay_sdk::rehearsal::{Message, Rehearsal, get, rehearse, response};
use serde_json::{Value, json};

use crate::HtmlRewrite;

const PAGE: &str = "<!doctype html><html><head><title>Tea &amp; more</title></head><body>\
    <a href='http://a.example/' target=_blank>a</a><img src=x.png><div id=ad><p>buy</p></div>\
    <script>if (a < b) { document.write('<a href=\"http:\">') }</script><p class=\"lead big\">hello</p></body></html>";

fn filter(settings: &Value) -> Rehearsal<HtmlRewrite> {
    rehearse(&settings.to_string()).unwrap_or_else(|fault| panic!("{settings}: {fault}"))
}

fn page() -> Message {
    response(200).with("content-type", "text/html; charset=utf-8")
}

/// The body of a page with one rule applied.
fn rewritten(rule: Value, page: &str) -> String {
    let filter = filter(&json!({ "rules": [rule] }));
    let answer = filter.request(get("http://a.example/")).respond(self::page().chunk(page));
    String::from_utf8(answer.body().to_vec()).expect("UTF-8")
}

#[test]
fn each_action_changes_what_the_selector_names() {
    for (rule, before, after) in [
        (
            json!({ "selector": "a[href^='http:']", "set": { "rel": "noopener" } }),
            "_blank>",
            "_blank rel=\"noopener\">",
        ),
        (json!({ "selector": "a", "unset": ["target"] }), " target=_blank>", ">"),
        (json!({ "selector": "a", "set": { "href": "\"><script>" } }), "'http://a.example/'", "\"&quot;><script>\""),
        (json!({ "selector": "p.lead", "before": { "html": "<hr>" } }), "<p class", "<hr><p class"),
        (json!({ "selector": "p.lead", "after": { "html": "<hr>" } }), "hello</p>", "hello</p><hr>"),
        (json!({ "selector": "p.lead", "prepend": { "text": "<b>" } }), "hello", "&lt;b&gt;hello"),
        (
            json!({ "selector": "head", "append": { "html": "<script src=/a.js></script>" } }),
            "</head>",
            "<script src=/a.js></script></head>",
        ),
        (json!({ "selector": "title", "inner": { "text": "Tea" } }), "Tea &amp; more", "Tea"),
        (
            json!({ "selector": "title", "inner": { "text": "b" }, "prepend": { "text": "a" }, "append": { "text": "c" } }),
            "Tea &amp; more",
            "abc",
        ),
        (json!({ "selector": "#ad", "replace": { "html": "<hr>" } }), "<div id=ad><p>buy</p></div>", "<hr>"),
        (json!({ "selector": "body > #ad", "remove": "element" }), "<div id=ad><p>buy</p></div>", ""),
        (json!({ "selector": "div p", "remove": "tags" }), "<p>buy</p>", "buy"),
        (json!({ "selector": "img", "append": { "text": "x" } }), "", ""),
        (json!({ "selector": "table", "remove": "element" }), "", ""),
    ] {
        let expected = if before.is_empty() { PAGE.to_owned() } else { PAGE.replacen(before, after, 1) };
        assert_eq!(rewritten(rule.clone(), PAGE), expected, "{rule}");
    }
}

#[test]
fn rules_are_applied_in_their_order() {
    let rules = json!([
        { "selector": "p", "set": { "class": "one" } },
        { "selector": "p", "set": { "class": "two" }, "append": { "text": "!" } },
        { "selector": "p.lead", "append": { "text": "?" } },
    ]);
    let filter = filter(&json!({ "rules": rules }));
    let answer = filter.request(get("http://a.example/")).respond(page().chunk("<p class=lead>a</p>"));
    assert_eq!(answer.body(), b"<p class=\"two\">a!?</p>", "selectors see the page as it came");
}

#[test]
fn pieces_may_be_cut_anywhere() {
    let rules = json!([
        { "selector": "a", "set": { "href": "/" } },
        { "selector": "#ad", "remove": "element" },
        { "selector": "p", "append": { "text": "\u{e9}" } },
    ]);
    let filter = filter(&json!({ "rules": rules }));
    let text = PAGE.replace("hello", "h\u{e9}llo \u{1f375}");
    let whole = filter.request(get("http://a.example/")).respond(page().chunk(&text));
    for size in [1, 2, 3, 7, 64] {
        let pieces = text.as_bytes().chunks(size).fold(page(), |page, piece| page.chunk(piece));
        let answer = filter.request(get("http://a.example/")).respond(pieces);
        assert_eq!(str::from_utf8(answer.body()), str::from_utf8(whole.body()), "pieces of {size}");
    }
    // The end of a body may come with no bytes.
    let answer = filter.request(get("http://a.example/")).respond(page().chunk("<a>b").chunk("</a").chunk(""));
    assert_eq!(answer.body(), b"<a href=\"/\">b</a");
    // So it does where trailers come.
    let answer =
        filter.request(get("http://a.example/")).respond(page().chunk("<a>b").chunk("</a").trailer("x-sum", "1"));
    assert_eq!(answer.body(), b"<a href=\"/\">b</a");
}

#[test]
fn what_is_no_whole_page_is_left() {
    let filter = filter(&json!({ "rules": [{ "selector": "p", "remove": "element" }] }));
    for (head, rewritten) in [
        (response(200).with("content-type", "TEXT/HTML"), true),
        (response(404).with("content-type", "text/html;charset=\"UTF-8\""), true),
        (response(200).with("content-type", "text/html").with("content-encoding", "identity"), true),
        (response(200), false),
        (response(200).with("content-type", "text/htmlx"), false),
        (response(200).with("content-type", "application/xhtml+xml"), false),
        (response(200).with("content-type", "text/html").with("content-encoding", "br"), false),
        (response(200).with("content-type", "text/html; charset=utf-16le"), false),
        (response(200).with("content-type", "text/html; charset=nothing"), false),
        (response(200).with("content-type", "text/html").with("cache-control", "max-age=1, No-Transform"), false),
        (response(304).with("content-type", "text/html"), false),
    ] {
        let told = format!("{head:?}");
        let head = head.with("content-length", "8").with("etag", "\"a\"").with("accept-ranges", "bytes");
        let answer = filter.request(get("http://a.example/")).respond(head.chunk("<p>a</p>"));
        let (body, length, tag) = if rewritten { ("", None, "W/\"a\"") } else { ("<p>a</p>", Some("8"), "\"a\"") };
        assert_eq!(str::from_utf8(answer.body()), Ok(body), "{told}");
        assert_eq!((answer.header("content-length"), answer.header("etag")), (length, Some(tag)), "{told}");
        assert_eq!(answer.header("accept-ranges"), (!rewritten).then_some("bytes"), "{told}");
    }
    for (outcome, count) in [("rewritten", 3), ("coded", 1), ("charset", 2), ("no_transform", 1)] {
        assert_eq!(
            filter.metric(&format!("html_rewrite_responses_total{{outcome=\"{outcome}\"}}")),
            count,
            "{outcome}"
        );
    }
}

#[test]
fn no_client_gets_a_page_that_is_not_rewritten() {
    let filter = filter(&json!({ "rules": [{ "selector": "p", "remove": "element" }] }));
    let asked = get("http://a.example/").with("accept-encoding", "gzip, br");
    assert_eq!(filter.request(asked).sent().headers("accept-encoding"), ["identity"]);
    for content_type in ["text/html", "multipart/byteranges; boundary=x"] {
        let part = response(206).with("content-type", content_type).with("content-range", "bytes 0-1/9");
        let answer = filter.request(get("http://a.example/")).respond(part.chunk("<p"));
        assert_eq!((answer.status(), answer.body()), (416, &b""[..]), "{content_type}");
    }
    let film = response(206).with("content-type", "video/mp4").chunk("ab");
    assert_eq!(filter.request(get("http://a.example/")).respond(film).status(), 206);
}

#[test]
fn other_charsets_are_written_as_they_are_read() {
    let filter = filter(&json!({ "rules": [{ "selector": "p", "append": { "text": "\u{e9}\u{1f375}" } }] }));
    for (content_type, sent, expected) in [
        ("text/html; charset=iso-8859-1", &b"<p>\xe9</p>"[..], &b"<p>\xe9\xe9&#127861;</p>"[..]),
        ("text/html", b"<meta charset=latin1><p>\xe9</p>", b"<meta charset=latin1><p>\xe9\xe9&#127861;</p>"),
        ("text/html", "<p>\u{e9}</p>".as_bytes(), "<p>\u{e9}\u{e9}\u{1f375}</p>".as_bytes()),
        (
            "text/html; charset=utf-8",
            b"<meta charset=latin1><p>\xff</p>",
            b"<meta charset=latin1><p>\xff\xc3\xa9\xf0\x9f\x8d\xb5</p>",
        ),
    ] {
        let head = response(200).with("content-type", content_type);
        let answer = filter.request(get("http://a.example/")).respond(head.chunk(sent));
        assert_eq!(answer.body(), expected, "{content_type} {}", String::from_utf8_lossy(sent));
    }
}

#[test]
fn a_page_that_needs_too_much_passes_or_ends() {
    let settings = |on_limit: &str| {
        let rules = json!([{ "selector": "p", "remove": "element" }, { "selector": "img", "unset": ["alt"] }]);
        json!({ "buffer_bytes_max": 8000, "on_limit": on_limit, "rules": rules })
    };
    let endless = ["<p>a</p><img src=\"", &"x".repeat(20_000), "\"><p>b</p>"];
    let pieces = || endless.iter().fold(page(), |page, piece| page.chunk(piece));
    let passing = filter(&settings("pass"));
    let answer = passing.request(get("http://a.example/")).respond(pieces());
    let expected = endless.concat().replacen("<p>a</p>", "", 1);
    assert!(answer.body() == expected.as_bytes(), "{}", String::from_utf8_lossy(answer.body()));
    assert_eq!(passing.metric(r#"html_rewrite_responses_total{outcome="limit"}"#), 1);
    let breaking = filter(&settings("break"));
    assert_eq!(breaking.request(get("http://a.example/")).respond(pieces()).status(), 502);
    // What fits in a piece is not kept, however long it is.
    let answer = passing.request(get("http://a.example/")).respond(page().chunk(endless.concat()));
    assert_eq!(answer.body(), endless.concat().replace("<p>a</p>", "").replace("<p>b</p>", "").as_bytes());
}

#[test]
fn wrong_settings_are_refused_with_their_key() {
    for (settings, expected) in [
        (json!({}), "settings: missing field `rules`"),
        (json!({ "rules": [] }), "settings.rules: there must be a rule"),
        (json!({ "buffer_bytes_max": 4095 }), "settings.buffer_bytes_max: 4095 bytes are too few for a page"),
        (json!({ "rules": [{ "selector": "p" }] }), "settings.rules[0]: this rule does nothing"),
        (json!({ "rules": [{ "remove": "tags" }] }), "settings.rules[0]: missing field `selector`"),
        (
            json!({ "rules": [{ "selector": "a:hover", "remove": "tags" }] }),
            "settings.rules[0].selector: \"a:hover\" is no selector here: Unsupported pseudo-class",
        ),
        (
            json!({ "rules": [{ "selector": "a + b", "remove": "tags" }] }),
            "settings.rules[0].selector: \"a + b\" is no",
        ),
        (json!({ "rules": [{ "selector": "", "remove": "tags" }] }), "settings.rules[0].selector: \"\" is no selector"),
        (json!({ "rules": [{ "selector": "a", "set": { "a b": "c" } }] }), "\"a b\" is no name of an attribute"),
        (json!({ "rules": [{ "selector": "a", "unset": ["a=b"] }] }), "settings.rules[0].unset[0]: \"a=b\" is no name"),
        (json!({ "rules": [{ "selector": "a", "remove": "all" }] }), "settings.rules[0].remove: unknown variant `all`"),
        (
            json!({ "rules": [{ "selector": "a", "remove": "tags", "inner": { "text": "" } }] }),
            "settings.rules[0]: a rule has one of inner, replace and remove",
        ),
        (json!({ "rules": [{ "selector": "a", "after": { "xml": "" } }] }), "settings.rules[0].after"),
    ] {
        let fault = rehearse::<HtmlRewrite>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.contains(expected), "{settings}: {fault}");
    }
}
