//! Filters at the origin's side: what the origin sees of them, what is stored of their work, and when they end.

use std::time::Duration;

use support::{Answer, Gate, Origin, RawClient, TestNode};
use tempfile::TempDir;

use super::guest::{Guest, REQUEST, RESPONSE, guest};

struct Setting {
    node: TestNode,
    origin: Origin,
    _folder: TempDir,
}

impl Setting {
    /// A node with one route, whose elements are these guests. `filter` goes into each filter's table.
    async fn new(guests: Vec<(&str, Guest)>, filter: &str) -> Self {
        let (folder, origin) = (TempDir::new().expect("a folder can be made"), Origin::start().await);
        origin.otherwise(cacheable("abc"));
        let mut config = format!("[origins.site]\nservers = [\"{}\"]\n", origin.url());
        let mut names = Vec::new();
        for (number, (at, guest)) in guests.into_iter().enumerate() {
            let module = guest.build(folder.path(), &format!("f{number}"));
            config += &format!("[filters.f{number}]\nmodule = {module:?}\n{filter}\n");
            names.push(format!("{{ name = \"f{number}\", at = \"{at}\" }}"));
        }
        config += &format!("[[route]]\nname = \"all\"\norigin = \"site\"\nfilters = [{}]\n", names.join(", "));
        Self { node: TestNode::start(&config), origin, _folder: folder }
    }

    async fn at_origin(guest: Guest) -> Self {
        Self::new(vec![("origin", guest)], "").await
    }

    /// What `Cache-Status` says after the node's name.
    async fn status(&self, target: &str) -> String {
        let response = self.node.get(target).await;
        response.header("cache-status").expect("a cache status").trim_start_matches("edge-1; ").to_owned()
    }

    async fn counted(&self, metric: &str, times: f64) {
        self.node.metric_is(&format!("forebay_wasm_{metric}_total"), &[("filter", "f0")], times).await;
    }
}

fn cacheable(body: &str) -> Answer {
    Answer::ok(body).header("Cache-Control", "max-age=60")
}

/// Marks requests with `x-asked`, and responses with `x-seen`: the status that it saw.
fn marking() -> Guest {
    let mut guest = guest("request_headers", |guest| vec![guest.count("asked"), guest.add(REQUEST, "x-asked", "yes")]);
    let seen = [guest.count("answered"), guest.copy(RESPONSE, ":status", "x-seen")];
    guest.on("response_headers", &seen)
}

#[tokio::test]
async fn what_it_makes_of_an_answer_is_stored_and_hits_do_not_enter_it() {
    let setting = Setting::at_origin(marking()).await;
    for status in ["fwd=uri-miss; ttl=60; stored", "hit; ttl=60", "hit; ttl=60"] {
        let response = setting.node.get("/").await;
        let told = response.header("cache-status").expect("a cache status");
        assert_eq!((told, response.header("x-seen")), (&*format!("edge-1; {status}"), Some("200")));
    }
    assert_eq!(setting.origin.seen().len(), 1);
    assert_eq!(setting.origin.seen()[0].header("x-asked"), Some("yes"));
    setting.counted("asked", 1.0).await;
    setting.counted("answered", 1.0).await;
}

#[tokio::test]
async fn a_confirmation_is_seen_and_what_is_made_of_it_is_stored() {
    let setting = Setting::at_origin(marking()).await;
    setting.origin.once("/", cacheable("abc").header("ETag", "\"1\""));
    setting.origin.on("/", Answer::status(304, "").header("ETag", "\"1\"").header("Cache-Control", "max-age=60"));
    setting.node.get("/").await;
    setting.node.advance(Duration::from_secs(61));
    let renewed = setting.node.get("/").await;
    assert!(renewed.header("cache-status").expect("a cache status").contains("fwd-status=304"), "{renewed:?}");
    let hit = setting.node.get("/").await;
    assert_eq!((hit.text(), hit.header("x-seen")), ("abc", Some("304")));
    assert_eq!(hit.header("cache-status"), Some("edge-1; hit; ttl=60"));
    setting.counted("answered", 2.0).await;
}

/// Puts `letter` behind `x-way` of both messages.
fn stepping(letter: &str) -> Guest {
    let mut guest = guest("request_headers", |guest| vec![guest.add(REQUEST, "x-way", letter)]);
    let back = [guest.add(RESPONSE, "x-way", letter)];
    guest.on("response_headers", &back)
}

#[tokio::test]
async fn both_sides_have_their_filters_in_the_order_of_the_route() {
    let sides = [("client", "a"), ("origin", "b"), ("client", "c"), ("origin", "d")];
    let setting = Setting::new(sides.map(|(at, letter)| (at, stepping(letter))).into(), "").await;
    for _ in 0..2 {
        let response = setting.node.get("/").await;
        assert_eq!(response.headers("x-way"), ["d", "b", "c", "a"], "the first two are stored");
    }
    assert_eq!(setting.origin.seen()[0].head.headers("x-way"), ["a", "c", "b", "d"]);
}

/// Puts `>` behind each response's body.
fn rewriting() -> Guest {
    let mut guest = guest("response_headers", |guest| vec![guest.remove(RESPONSE, "content-length")]);
    let body = [guest.count("bodies"), guest.append(1, ">")];
    guest.on("response_body", &body)
}

#[tokio::test]
async fn a_rewritten_body_is_stored_and_a_part_of_it_is_cut_from_the_whole() {
    let setting = Setting::at_origin(rewriting()).await;
    let first = setting.node.get_with("/", &[("Range", "bytes=2-")]).await;
    assert_eq!((first.status, first.text()), (200, "abc>"), "nobody knows the length yet");
    let part = setting.node.get_with("/", &[("Range", "bytes=2-")]).await;
    assert_eq!((part.status, part.text(), part.header("content-range")), (206, "c>", Some("bytes 2-3/4")));
    assert_eq!(setting.origin.seen()[0].header("range"), None, "they work on wholes");
    let whole = setting.node.get("/").await;
    assert_eq!((whole.text(), whole.header("content-length")), ("abc>", Some("4")));
    assert_eq!(whole.header("cache-status"), Some("edge-1; hit; ttl=60"));
}

#[tokio::test]
async fn parts_are_fetched_as_parts_where_only_heads_are_seen() {
    let setting = Setting::at_origin(marking()).await;
    let part = Answer::status(206, "bc").header("Content-Range", "bytes 1-2/3").header("ETag", "\"1\"");
    setting.origin.otherwise(part.header("Cache-Control", "max-age=60"));
    for _ in 0..2 {
        let response = setting.node.get_with("/", &[("Range", "bytes=1-2")]).await;
        assert_eq!((response.status, response.text(), response.header("x-seen")), (206, "bc", Some("206")));
    }
    assert_eq!(setting.origin.seen().len(), 1);
    setting.counted("answered", 1.0).await;
}

#[tokio::test]
async fn a_reply_of_its_own_is_stored_as_its_fields_allow() {
    let replying = |fields: &[(&str, &str)]| guest("request_headers", |guest| vec![guest.reply(200, fields, "mine")]);
    let setting = Setting::at_origin(replying(&[("cache-control", "max-age=30")])).await;
    assert_eq!(setting.status("/").await, "fwd=uri-miss; ttl=30; stored");
    let hit = setting.node.get("/").await;
    assert_eq!((hit.text(), hit.header("cache-status")), ("mine", Some("edge-1; hit; ttl=30")));
    let private = Setting::at_origin(replying(&[("cache-control", "no-store")])).await;
    assert_eq!(private.status("/").await, "fwd=uri-miss; detail=no_store");
    assert_eq!(setting.origin.seen().len() + private.origin.seen().len(), 0);
}

#[tokio::test]
async fn a_filter_that_fails_ends_the_fetch_or_is_passed_over() {
    for part in ["request_headers", "response_headers"] {
        let trapping = || guest(part, |guest| vec![guest.count("tried"), "unreachable".to_owned()]);
        let closed = Setting::at_origin(trapping()).await;
        let response = closed.node.get("/").await;
        let status = response.header("proxy-status").expect("a proxy status");
        assert_eq!((response.status, status), (500, "edge-1; error=proxy_internal_error; details=\"trap\""), "{part}");
        assert!(response.header("cache-status").expect("a cache status").contains("detail=trap"), "{response:?}");
        assert!(closed.node.logged("failure=trap").await.contains("fault=filter"));
        let asked = if part == "request_headers" { 0 } else { 1 };
        assert_eq!(closed.origin.seen().len(), asked, "{part}");
        let open = Setting::new(vec![("origin", trapping())], "on_error = \"fail_open\"").await;
        assert_eq!(open.node.get("/").await.text(), "abc", "{part}");
        assert_eq!(open.status("/").await, "hit; ttl=60", "{part}");
    }
}

#[tokio::test]
async fn a_filter_that_fails_or_closes_is_no_trouble_of_the_origin() {
    let failing = guest("request_headers", |_| vec!["(drop (call $close (i32.const 0)))".to_owned()]);
    let setting = Setting::at_origin(failing).await;
    let response = setting.node.get("/").await;
    assert_eq!(
        response.header("proxy-status"),
        Some("edge-1; error=proxy_internal_error; details=\"closed by filter\"")
    );
    let told = RawClient::connect(setting.node.admin()).await.get("/v1/explain?url=http://test.example/").await;
    assert!(told.text().contains("\"doubt\":null"), "{}", told.text());
}

#[tokio::test]
async fn everybody_who_waits_for_a_fetch_has_its_one_answer() {
    let setting = Setting::at_origin(marking()).await;
    let gate = Gate::closed();
    setting.origin.on("/", cacheable("abc").after(&gate));
    let address = setting.node.address();
    let asking: Vec<_> = (0..3).map(|_| tokio::spawn(async move { support::get(address, "/").await })).collect();
    setting.node.metric_is("forebay_cache_collapsed_waiters", &[], 2.0).await;
    gate.open();
    for answer in asking {
        assert_eq!(answer.await.expect("an answer").header("x-seen"), Some("200"));
    }
    setting.counted("asked", 1.0).await;
}

#[tokio::test]
async fn a_refresh_in_the_background_goes_through_it() {
    let setting = Setting::at_origin(marking()).await;
    setting.origin.otherwise(Answer::ok("abc").header("Cache-Control", "max-age=1, stale-while-revalidate=60"));
    setting.node.get("/").await;
    setting.node.advance(Duration::from_secs(10));
    assert!(setting.status("/").await.contains("detail=stale_while_revalidate"));
    setting.counted("answered", 2.0).await;
    setting.origin.requests_reach(2).await;
    assert_eq!(setting.origin.seen()[1].header("x-asked"), Some("yes"));
}

#[tokio::test]
async fn nothing_stale_stands_in_for_a_filter_that_fails() {
    let setting = Setting::at_origin(guest("request_headers", |guest| vec![guest.trap_at(REQUEST, "x-trap")])).await;
    setting.origin.otherwise(Answer::ok("abc").header("Cache-Control", "max-age=1, stale-if-error=60"));
    setting.node.get("/").await;
    setting.node.advance(Duration::from_secs(10));
    assert_eq!(setting.node.get_with("/", &[("X-Trap", "1")]).await.status, 500);
    assert_eq!(setting.node.get("/").await.text(), "abc", "the next one asks anew");
    assert_eq!(setting.origin.seen().len(), 2);
}

#[tokio::test]
async fn the_method_of_a_fetch_is_not_its_to_change() {
    let guest = guest("request_headers", |guest| vec![guest.copy(REQUEST, "x-method", ":method")]);
    let setting = Setting::at_origin(guest).await;
    let response = setting.node.get_with("/", &[("X-Method", "HEAD")]).await;
    assert_eq!((response.status, setting.origin.seen().len()), (500, 0));
    assert_eq!(setting.node.get_with("/", &[("X-Method", "GET")]).await.text(), "abc");
}

#[tokio::test]
async fn a_body_that_fails_is_broken_off_and_not_stored() {
    let setting = Setting::at_origin(guest("response_body", |_| vec!["unreachable".to_owned()])).await;
    let mut client = setting.node.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    assert!(client.is_broken_off().await);
    assert_eq!(setting.origin.seen().len(), 1);
    let again = setting.node.connect().await.request("HEAD", "/", &[], b"").await;
    assert!(!again.header("cache-status").expect("a cache status").contains("hit"), "{again:?}");
}

#[tokio::test]
async fn what_it_says_of_a_response_counts_and_what_it_says_of_the_key_is_too_late() {
    let verbs = guest("response_headers", |guest| {
        let late = [("key", "arm=a"), ("drop_query", "a"), ("keep_query", "a")];
        let mut verbs: Vec<String> = late.iter().map(|(verb, value)| guest.verb(verb, value, 2)).collect();
        verbs.extend([guest.verb("ttl", "10", 0), guest.verb("tag", "all", 0), guest.verb("vary", "x-device", 0)]);
        verbs
    });
    let setting = Setting::at_origin(verbs).await;
    assert_eq!(setting.status("/").await, "fwd=uri-miss; ttl=10; stored");
    let other = setting.node.get_with("/", &[("X-Device", "phone")]).await;
    assert!(other.header("cache-status").expect("a cache status").contains("fwd=vary-miss"), "{other:?}");
    assert_eq!(other.header("vary"), Some("x-device"));
    let mut admin = RawClient::connect(setting.node.admin()).await;
    assert_eq!(
        admin.request("POST", "/v1/purge", &[("Content-Type", "application/json")], b"{\"tag\":\"all\"}").await.status,
        200
    );
    assert!(setting.status("/").await.ends_with("stored"));
}

#[tokio::test]
async fn an_answer_for_one_request_only_is_not_stored() {
    let setting = Setting::at_origin(guest("response_headers", |guest| vec![guest.verb("bypass", "1", 0)])).await;
    for detail in ["filter", "uncacheable", "uncacheable"] {
        assert_eq!(setting.status("/").await, format!("fwd=uri-miss; detail={detail}"));
    }
}

#[tokio::test]
async fn verbs_in_a_body_callback_are_too_late_but_for_a_purge() {
    let body = guest("response_body", |guest| {
        let purge = guest.verb("purge", "tag other", 0);
        let late = [("ttl", "10"), ("tag", "a"), ("vary", "a"), ("bypass", "1")];
        let mut verbs: Vec<String> = late.iter().map(|(verb, value)| guest.verb(verb, value, 2)).collect();
        verbs.push(format!("(if (local.get 2) (then {purge}))"));
        verbs
    });
    let setting = Setting::new(vec![("origin", body)], "path = \"/in\"").await;
    setting.origin.on("/other", cacheable("abc").header("Surrogate-Key", "other"));
    assert_eq!(setting.status("/other").await, "fwd=uri-miss; ttl=60; stored");
    assert_eq!(setting.status("/other").await, "hit; ttl=60");
    assert_eq!(setting.node.get("/in").await.text(), "abc");
    setting.node.metric_is("forebay_cache_purges_total", &[("scope", "tag")], 1.0).await;
    assert!(setting.status("/other").await.starts_with("fwd="), "the body of /in purged it");
}

#[tokio::test]
async fn it_stays_with_the_fetch_that_outlives_its_client() {
    let mut staying = marking();
    let logged = [staying.count("logged")];
    let setting = Setting::at_origin(staying.on_log(&logged)).await;
    let gate = Gate::closed();
    setting.origin.on("/", cacheable("abcdef").finishing_after(&gate));
    let mut client = setting.node.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    setting.counted("answered", 1.0).await;
    drop(client);
    assert_eq!(setting.node.scrape().await.find("forebay_wasm_logged_total", &[]), None);
    gate.open();
    setting.counted("logged", 1.0).await;
    let hit = setting.node.get("/").await;
    assert_eq!((hit.text(), hit.header("x-seen")), ("abcdef", Some("200")));
}

#[tokio::test]
async fn passes_go_through_it_with_their_bodies() {
    let mut asking = guest("request_headers", |guest| {
        vec![guest.remove(REQUEST, "content-length"), guest.tell(REQUEST, "forebay.at", "x-at")]
    });
    let body = [asking.append(0, ">")];
    let setting = Setting::at_origin(asking.on("request_body", &body)).await;
    let mut client = setting.node.connect().await;
    assert_eq!(client.request("POST", "/", &[], b"a=1").await.text(), "abc");
    assert_eq!(client.request("HEAD", "/", &[], b"").await.status, 200);
    let seen = setting.origin.seen();
    assert_eq!((&seen[0].body[..], seen[0].header("x-at")), (&b"a=1>"[..], Some("origin")));
    assert_eq!((&*seen[1].method, seen[1].header("x-at")), ("HEAD", Some("origin")));
}

#[tokio::test]
async fn an_explanation_names_it_and_does_not_enter_it() {
    let setting = Setting::at_origin(marking()).await;
    let told = RawClient::connect(setting.node.admin()).await.get("/v1/explain?url=http://test.example/").await;
    assert!(told.text().contains("\"origin_filters\":[\"f0\"]"), "{}", told.text());
    setting.node.get("/").await;
    setting.counted("asked", 1.0).await;
}

#[tokio::test]
async fn a_client_side_may_purge_to_the_last_callback() {
    let mut late = guest("response_body", |guest| vec![guest.verb("ttl", "1", 2), guest.verb("purge", "tag a", 0)]);
    let log = [late.verb("tag", "x", 2), late.verb("purge", "tag b", 0)];
    let setting = Setting::new(vec![("client", late.on_log(&log))], "").await;
    assert_eq!(setting.node.get("/").await.text(), "abc");
    setting.node.metric_is("forebay_cache_purges_total", &[("scope", "tag")], 2.0).await;
    let explained = RawClient::connect(setting.node.admin()).await.get("/v1/explain?url=http://test.example/").await;
    assert_eq!(explained.status, 200);
    setting.node.metric_is("forebay_cache_purges_total", &[("scope", "tag")], 2.0).await;
}
