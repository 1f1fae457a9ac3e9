//! The guest on the Rust SDK that asks an origin of the node before it lets a message on.

use support::{Answer, Origin, RawClient, Response, Seen};

use crate::node::Filtered;

/// Answers calls with what they asked for, everything else with `good`.
async fn node() -> Option<Filtered> {
    let origin = Origin::start().await;
    origin.replying(|seen: &Seen| match &*seen.target {
        target if target.starts_with("/call") => Answer::ok(format!("answer to {target}")),
        target if target.starts_with("/trailers") => Answer::chunked(&["summed"]).trailer("X-Sum", "6"),
        target if target.starts_with("/missing") => Answer::status(404, "no"),
        _ => Answer::ok("good"),
    });
    Filtered::of("rust", "calls", origin).await
}

impl Filtered {
    async fn get_calling(&self, way: &str) -> Response {
        self.get_with("/page", &[("X-Call", way)]).await
    }

    /// What the guest wrote of its calls to the origin, in the order in which they came.
    fn called(&self) -> Vec<String> {
        let seen = self.origin.seen();
        seen.iter().filter(|seen| seen.target != "/page").map(|seen| seen.target.clone()).collect()
    }

    /// The field by which the guest tells the origin of its calls.
    fn told(&self) -> Option<String> {
        let seen = self.origin.seen();
        seen.iter().find(|seen| seen.target == "/page")?.header("x-called").map(str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_answer() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("one").await.text(), "good");
    let calls = node.origin.seen();
    let call = &calls[0];
    assert_eq!((&*call.target, &*call.method, call.body.as_slice()), ("/call/one", "POST", &b"asked"[..]));
    assert_eq!((call.header("x-from"), call.header("host")), (Some("guest"), Some("calls.example")));
    assert_eq!(node.told().as_deref(), Some("200"));
    node.says("call bodies: answer to /call/one").await;
    node.says("call deleted: 200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_are_in_flight_and_one_follows_another() {
    for (way, targets) in [("two", ["/call/first", "/call/second"]), ("again", ["/call/again", "/call/one"])] {
        let Some(node) = node().await else { return };
        assert_eq!(node.get_calling(way).await.text(), "good");
        let mut called = node.called();
        called.sort();
        assert_eq!(called, targets);
        assert_eq!(node.told().as_deref(), Some("200,200"), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_made_is_refused_at_once() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("unknown").await.text(), "good");
    node.says("call status: BadArgument").await;
    assert_eq!(node.get_calling("incomplete").await.text(), "good");
    node.says("call status: Err(BadArgument)").await;
    assert!(node.called().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_an_answer_and_a_refused_connection_is_none() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("missing").await.text(), "good");
    assert_eq!(node.told().as_deref(), Some("404"));
    assert_eq!(node.get_calling("closed").await.text(), "good");
    node.says("call answered: none").await;
    let ended = node.has_said("call ended: ", 2).await;
    assert_eq!(ended[0], "(0, None)");
    let failed = &ended[1];
    assert!(failed.starts_with("(11, Some(\"") && failed.contains("connect"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_go_with_a_call_and_come_with_its_answer() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("trailers").await.text(), "good");
    assert_eq!(node.told().as_deref(), Some("200"));
    node.says("call deleted: 200").await;
    assert_eq!(node.said("call answered: "), ["200, all counted: true, trailers: 1"]);
    assert_eq!(node.said("call trailers: "), ["[(\"x-sum\", \"6\")]"]);
    assert_eq!(node.said("call trailer x-sum: "), ["Some(\"6\")"]);
    assert_eq!(node.said("call trailer x-missing: "), ["None"]);
    assert_eq!(node.said("call bodies: "), ["summed"]);
    let call = &node.origin.seen()[0];
    assert_eq!(
        (call.trailers.as_slice(), call.body.as_slice()),
        (&[("x-sum".to_owned(), "5".to_owned())][..], &b"asked"[..])
    );
}

/// The client is told in no words: its connection ends.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_can_end_the_exchange() {
    for (way, seen) in [("close", vec!["/call/one"]), ("close the response", vec!["/page", "/call/response"])] {
        let Some(node) = node().await else { return };
        let mut client = RawClient::connect(node.address()).await;
        client.send(format!("GET /page HTTP/1.1\r\nHost: test.example\r\nX-Call: {way}\r\n\r\n")).await;
        assert!(client.is_closed().await, "{way}");
        node.says("call deleted: 200").await;
        assert_eq!(node.origin.seen().iter().map(|seen| &*seen.target).collect::<Vec<_>>(), seen);
        assert_eq!(node.get_calling("one").await.text(), "good");
        node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_and_bodies_wait_too() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("response").await.header("x-called"), Some("200"));
    assert_eq!(node.called(), ["/call/response"]);
    let posted = node.post_with("/page", &[("X-Call", "body")], b"hello").await;
    assert_eq!(posted.text(), "good");
    assert_eq!(node.called(), ["/call/response", "/call/body"]);
    assert_eq!(node.origin.seen().last().map(|seen| seen.body.clone()).as_deref(), Some(&b"hello"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_can_be_the_reply_and_a_panic_in_it_fails_the_request() {
    let Some(node) = node().await else { return };
    let replied = node.get_calling("reply").await;
    assert_eq!(
        (replied.status, replied.text(), replied.header("x-guest")),
        (403, "answer to /call/one", Some("calls"))
    );
    let failed = node.get_calling("panic").await;
    assert_eq!(failed.status, 500, "{failed:?}");
    assert_eq!(node.get_calling("one").await.text(), "good");
    node.metric_is("forebay_filter_failures_total", &[("filter", "guest"), ("kind", "trap")], 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_is_not_done_hears_its_answer_after_the_client_has_its_own() {
    let Some(node) = node().await else { return };
    assert_eq!(node.get_calling("done").await.text(), "good");
    node.says("call bodies: answer to /call/done").await;
    node.says("call deleted: 200").await;
    assert_eq!(node.called(), ["/call/done"], "a context ends once");
}
