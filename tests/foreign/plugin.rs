//! The guest on the Rust SDK with what belongs to no exchange: its clock, its own calls, what filters share.

use support::{Answer, Origin};

use crate::node::{Filtered, built};

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good"));
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ticks_and_asks_an_origin_and_requests_find_what_it_left() {
    let Some(node) = Filtered::of("rust", "clockwork", origin().await).await else { return };
    node.says("tick fetched: true good").await;
    assert_eq!(node.said("tick: "), ["1", "2", "3"]);
    node.get("/page").await;
    let seen = node.origin.seen();
    assert_eq!(seen.iter().map(|seen| &*seen.target).collect::<Vec<_>>(), ["/call/tick", "/page"]);
    assert_eq!(seen[1].header("x-fetched"), Some("3 ticks, good"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_data_is_swapped_by_its_number() {
    let Some(node) = Filtered::of("rust", "commons", origin().await).await else { return };
    node.get_with("/", &[("X-Key", "a")]).await;
    node.says("shared at last: two").await;
    let expected = [
        "before: (\"none\", false)",
        "set: Ok(())",
        "after: one",
        "swapped: Ok(())",
        "swapped again: Err(CasMismatch)",
        "at last: two",
    ];
    assert_eq!(node.said("shared "), expected);
    node.get_with("/", &[("X-Key", "a")]).await;
    node.says("shared before: (\"two\", true)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_gives_its_letters_in_order_and_its_owner_is_told_of_them() {
    let Some(node) = Filtered::of("rust", "commons", origin().await).await else { return };
    node.get_with("/", &[("X-Key", "a")]).await;
    assert_eq!(node.has_said("letter read: ", 2).await, ["first", "second"]);
    node.says("queue empty: ").await;
    let told = node.said("queue ");
    let expected = [
        "missing: None",
        "wrong: Err(NotFound)",
        "put: Ok(())",
        "taken: \"first\"",
        "taken last: \"second\"",
        "empty: Ok(None)",
    ];
    for line in expected {
        assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_host_lacks_is_said_and_what_is_not_there_now_is_empty() {
    let Some(node) = Filtered::of("rust", "lacking", origin().await).await else { return };
    assert_eq!(node.get("/").await.status, 200);
    node.says("lacking effective: Err(BadArgument)").await;
    let expected = [
        "function: Err(NotFound)",
        "clock: true",
        "level: Ok(Info)",
        "call map: Ok([])",
        "trailers: Ok([])",
        "response: Ok([])",
        "metadata: []",
        "last metadata: []",
        "message: Ok(None)",
        "status: (0, None)",
        "effective: Err(BadArgument)",
    ];
    assert_eq!(node.said("lacking "), expected);
    // The SDK takes no answer of a call of gRPC but those that Envoy gives.
    for (failed, call) in ["stream", "call", "send", "cancel", "close"].into_iter().enumerate() {
        assert_eq!(node.get_with("/", &[("X-Grpc", call)]).await.status, 500, "{call}");
        let failed = u32::try_from(failed + 1).expect("a few");
        node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], f64::from(failed)).await;
    }
    assert_eq!(node.has_said("unexpected status: 12", 5).await.len(), 5);
    assert_eq!(node.said("lacking called"), [""; 0], "nothing was asked that could be answered");
    let reply = node.get_with("/", &[("X-Grpc", "reply")]).await;
    assert_eq!((reply.status, reply.text(), reply.header("x-guest")), (200, "no", Some("lacking")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_decides_about_requests_that_wait_for_it() {
    let Some(module) = built("rust") else { return };
    let node = Filtered::start(origin().await, &module, "turnstile", "isolation = \"shared\"\n").await;
    let (on, reply) = ([("X-Way", "on")], [("X-Way", "reply")]);
    let (on, reply) = tokio::join!(node.get_with("/page", &on), node.get_with("/page", &reply));
    assert_eq!((on.status, on.text()), (200, "good"));
    assert_eq!((reply.status, reply.text(), reply.header("x-turned")), (403, "no", Some("away")));
    let seen = node.origin.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].header("x-way"), seen[0].header("x-turned")), (Some("on"), Some("round")));
    assert_eq!(node.has_said("turned: ", 2).await, ["Ok(())", "Ok(())"]);
}
