//! The guest on this repository's own SDK, as a module in a node: work that waits for calls, ticks, bodies and cache verbs.
//! What `forebay_sdk::rehearsal` promises natively holds here too.

use support::{Answer, Gate, Origin, RawClient, patiently};

use crate::node::{Filtered, built};

/// A node with the guest before an origin, and the origin that it calls.
struct Setting {
    node: Filtered,
    side: Origin,
}

impl Setting {
    async fn start() -> Option<Self> {
        let module = built("sdk")?;
        let (origin, side) = (Origin::start().await, Origin::start().await);
        origin.otherwise(Answer::ok("good"));
        let lines = format!("[origins.side]\nservers = [\"{}\"]\n", side.url());
        let node = Filtered::start(origin, &module, "", &lines).await;
        Some(Self { node, side })
    }

    /// The last value of a field that the origin saw.
    fn sent(&self, name: &str) -> Option<String> {
        self.node.origin.seen().last().and_then(|seen| seen.header(name).map(str::to_owned))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_are_under_way_and_their_answers_come_in_any_order() {
    let Some(setting) = Setting::start().await else { return };
    let paths = ["/first", "/second"];
    for (round, (early, late)) in [(paths[0], paths[1]), (paths[1], paths[0])].into_iter().enumerate() {
        let gate = Gate::closed();
        setting.side.once(early, Answer::ok(&early[1..])).once(late, Answer::ok(&late[1..]).after(&gate));
        let opened = async {
            setting.side.requests_reach(2 * round + 2).await;
            assert_eq!(setting.node.origin.seen().len(), round, "the request waits");
            gate.open();
        };
        let (response, ()) = tokio::join!(setting.node.get("/both"), opened);
        assert_eq!((response.status, response.text()), (200, "good"), "{response:?}");
        assert_eq!(setting.sent("x-first").as_deref(), Some("first"), "{late} came last");
        assert_eq!(setting.sent("x-second").as_deref(), Some("second"), "{late} came last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_made_of_the_answer_to_another() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.on("/user", Answer::ok("ann")).on("/groups/ann", Answer::ok("readers"));
    assert_eq!(setting.node.get("/chained").await.status, 200);
    assert_eq!(setting.sent("x-groups").as_deref(), Some("readers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_decides_whether_the_request_goes_on() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.replying(|seen| match seen.header("authorization") {
        Some("secret") => Answer::ok(""),
        _ => Answer::status(401, "").header("X-Why", "unknown"),
    });
    let refused = setting.node.get_with("/door", &[("Authorization", "guess")]).await;
    assert_eq!((refused.status, refused.text(), refused.header("x-told")), (403, "no\n", Some("unknown")));
    assert!(setting.node.origin.seen().is_empty(), "a refusal reaches no origin");
    let passed = setting.node.get_with("/door", &[("Authorization", "secret")]).await;
    assert_eq!((passed.status, passed.text()), (200, "good"));
    assert_eq!(passed.header("x-remembered"), Some("the door"), "what was kept before the wait is there after it");
    let asked = &setting.side.seen()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str(), &*asked.body), ("POST", "/check", &b"who?"[..]));
    assert_eq!(asked.header("host"), Some("side.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_wait_at_once_get_their_own_answers() {
    let Some(setting) = Setting::start().await else { return };
    let gate = Gate::closed();
    let held = gate.clone();
    setting.side.replying(move |seen| match seen.header("authorization") {
        Some("slow") => Answer::status(401, "").header("X-Why", "slow").after(&held),
        Some("quick") => Answer::status(401, "").header("X-Why", "quick"),
        _ => Answer::ok(""),
    });
    let asked = |token| {
        let setting = &setting;
        async move { setting.node.get_with("/door", &[("Authorization", token)]).await }
    };
    let others = async {
        setting.side.requests_reach(1).await;
        for (token, status) in [("quick", 403), ("good", 200), ("quick", 403)] {
            assert_eq!(asked(token).await.status, status, "{token}");
        }
        gate.open();
    };
    let (slow, ()) = tokio::join!(asked("slow"), others);
    assert_eq!((slow.status, slow.header("x-told")), (403, Some("slow")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_answer_says_why() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.on("/never", Answer::never()).on("/unheard", Answer::ok("for nobody"));
    for (path, said) in [("/unknown", "refused"), ("/late", "unanswered")] {
        assert_eq!(setting.node.get(path).await.status, 200, "{path}");
        assert_eq!(setting.sent("x-said").as_deref(), Some(said), "{path}");
    }
    assert_eq!(setting.node.get("/dropped").await.status, 200, "nobody waits for this one");
    setting.side.requests_reach(2).await;
    setting.node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_waits_for_a_call_too() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.on("/stamp", Answer::ok("42"));
    let response = setting.node.get("/after").await;
    assert_eq!((response.status, response.text(), response.header("x-stamp")), (200, "good", Some("42")));
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_come_without_any_request_and_write_what_requests_read() {
    let Some(setting) = Setting::start().await else { return };
    let counted = async { while setting.node.get("/ticks").await.text().parse().unwrap_or(0) < 3 {} };
    patiently("three ticks", counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_replaced_both_ways_once_they_are_whole() {
    let Some(setting) = Setting::start().await else { return };
    setting.node.origin.on("/wrapped", Answer::chunked(&["a", "b", "c"]));
    let chunks = "POST /wrapped HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n\
        1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n";
    let mut client = RawClient::connect(setting.node.address()).await;
    client.send(chunks).await;
    assert_eq!(client.response().await.text(), "<abc>");
    assert_eq!(setting.node.origin.seen()[0].body, b"<xyz>");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_are_changed_both_ways() {
    let Some(setting) = Setting::start().await else { return };
    let announced = "Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-Checked, X-Internal\r\n";
    let chunks = "2\r\nok\r\n0\r\nX-Sum: 42\r\nX-Internal: 1\r\n\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\n{announced}\r\n{chunks}");
    setting.node.origin.on("/sums", Answer::raw(answer));
    let mut client = RawClient::connect(setting.node.address()).await;
    let request = format!("POST /sums HTTP/1.1\r\nHost: test.example\r\nTE: trailers\r\nConnection: TE\r\n{announced}");
    client.send(format!("{request}\r\n{chunks}")).await;
    let response = client.response().await;
    let expected = [("x-sum", "42"), ("x-checked", "42")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((response.text(), response.complete), ("ok", true));
    assert_eq!(lower(&response.trailers), expected, "to the client");
    let seen = &setting.node.origin.seen()[0];
    assert_eq!((&*seen.body, lower(&seen.trailers)), (&b"ok"[..], expected.to_vec()), "to the origin");
}

/// A message of chunks with trailers behind them, after its first line and `head`.
fn chunked(head: &str, chunks: &[&str]) -> String {
    let chunks: String = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
    let framing = "Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-Checked";
    format!("{head}\r\n{framing}\r\n\r\n{chunks}0\r\nX-Sum: 42\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_before_trailers_are_seen_whole_and_refused_or_replaced() {
    let Some(setting) = Setting::start().await else { return };
    for (target, sent, status, expected) in [
        ("/wrapped", ["x", "yz"], 200, "<xyz>"),
        ("/wrapped", ["b", "ad"], 422, ""),
        ("/marked", ["x", "yz"], 200, "xyz!"),
    ] {
        setting.node.origin.on(target, Answer::raw(chunked("HTTP/1.1 200 OK", &sent)));
        let head = format!("POST {target} HTTP/1.1\r\nHost: test.example\r\nTE: trailers\r\nConnection: TE");
        let mut client = RawClient::connect(setting.node.address()).await;
        client.send(chunked(&head, &sent)).await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (status, expected), "{target} {sent:?}");
        if status == 200 {
            let seen = setting.node.origin.seen();
            let seen = seen.last().expect("the origin saw it");
            assert_eq!((&*seen.body, seen.trailers.len()), (expected.as_bytes(), 2), "{target} {sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn response_that_is_refused_at_its_trailers_is_broken_off() {
    let Some(setting) = Setting::start().await else { return };
    setting.node.origin.on("/wrapped", Answer::raw(chunked("HTTP/1.1 200 OK", &["b", "ad"])));
    let mut client = RawClient::connect(setting.node.address()).await;
    client.send("GET /wrapped HTTP/1.1\r\nHost: test.example\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.text(), response.complete), ("", false), "{response:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_and_ticks_call_origins_beside_the_exchanges() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.on("/from-queue", Answer::raw(chunked("HTTP/1.1 200 OK", &["queued"])));
    setting.side.on("/from-tick", Answer::ok("ticked"));
    for (ask, answered, expected) in
        [("/errand", "/errand/answered", "queued, 42"), ("/tick", "/tick/answered", "ticked, no sum")]
    {
        assert_eq!(setting.node.get(ask).await.status, 202, "{ask}");
        let answer = async { while setting.node.get(answered).await.text() != expected {} };
        patiently(expected, answer).await;
    }
    setting.node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn body_waits_for_a_call_about_the_whole_of_it() {
    let Some(setting) = Setting::start().await else { return };
    setting.side.replying(|seen| if &*seen.body == b"virus" { Answer::status(403, "") } else { Answer::ok("") });
    for (sent, status) in [(["vi", "rus"], 422), (["pic", "ture"], 200)] {
        let mut client = RawClient::connect(setting.node.address()).await;
        client.send(chunked("POST /scanned HTTP/1.1\r\nHost: test.example", &sent)).await;
        assert_eq!(client.response().await.status, status, "{sent:?}");
    }
    let seen = setting.node.origin.seen();
    assert_eq!(seen.last().map(|seen| &*seen.body), Some(&b"picture"[..]));
}

/// Fields with their names in lower case, as they need not keep the case they came in.
fn lower(fields: &[(String, String)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_verbs_are_heard() {
    let Some(setting) = Setting::start().await else { return };
    for target in ["/cached?utm=1", "/cached?utm=2", "/cached"] {
        assert_eq!(setting.node.get(target).await.text(), "good", "{target}");
    }
    assert_eq!(setting.node.origin.seen().len(), 1, "one response for all, stored for as long as the filter says");
    assert_eq!(setting.node.get("/emptied").await.status, 204);
    assert_eq!(setting.node.get("/cached").await.text(), "good");
    assert_eq!(setting.node.origin.seen().len(), 2, "purged by its tag");
}
