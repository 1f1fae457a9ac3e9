//! One filter in five languages and three versions of the ABI: whatever it was written in, it does the same.

use support::{Answer, Origin};

use crate::node::Filtered;

async fn origin() -> Origin {
    let origin = Origin::start().await;
    origin.otherwise(Answer::ok("good").header("Server", "secret/1.0"));
    origin
}

/// Headers both ways, the settings, the log and a refusal.
async fn greets(guest: &str) {
    greets_with(guest, "some settings").await;
}

/// The same for a guest that shows these for its settings.
async fn greets_with(guest: &str, settings: &str) {
    let Some(node) = Filtered::of(guest, "some settings", origin().await).await else { return };
    let fields = [("X-Secret", "s"), ("User-Agent", "curl"), ("X-Guest", "client")];
    for round in 0..3 {
        let path = format!("/page/{round}?q=1");
        let response = node.get_with(&path, &fields).await;
        assert_eq!((response.status, response.text()), (200, "good"), "{response:?}");
        assert_eq!(response.headers("x-guest"), [guest]);
        assert_eq!(response.headers("x-guest-settings"), [settings]);
        assert_eq!(response.header("server"), None);
        let seen = &node.origin.seen()[round];
        assert_eq!(seen.head.headers("x-guest"), ["client", guest]);
        assert_eq!(seen.head.headers("x-guest-path"), [&*path]);
        assert_eq!(seen.head.headers("user-agent"), [guest]);
        assert_eq!(seen.header("x-secret"), None);
        node.says(&format!("{guest} saw {path}")).await;
    }
    let refused = node.get_with("/page", &[("X-Refuse", "1")]).await;
    assert_eq!((refused.status, refused.text(), refused.header("x-refused-by")), (403, "refused", Some(guest)));
    assert_eq!(node.origin.seen().len(), 3, "a refusal reaches no origin");
    node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_on_abi_0_2_1() {
    greets("rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_on_abi_0_1_0() {
    greets("rust-old").await;
}

/// By `proxy_continue_request` and `proxy_continue_response`, which later versions have not.
#[tokio::test(flavor = "multi_thread")]
async fn abi_0_1_0_lets_messages_go_on_by_calls_of_its_own() {
    let Some(node) = Filtered::of("rust-old", "some settings", origin().await).await else { return };
    node.origin.on("/call/old", Answer::ok("asked"));
    let waited = node.get_with("/one", &[("X-Wait", "request")]).await;
    assert_eq!((waited.status, waited.text(), waited.header("x-waited")), (200, "good", None));
    assert_eq!(node.origin.seen()[1].header("x-waited"), Some("asked"));
    let waited = node.get_with("/two", &[("X-Wait", "response")]).await;
    assert_eq!((waited.status, waited.text(), waited.header("x-waited")), (200, "good", Some("asked")));
    let targets: Vec<String> = node.origin.seen().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, ["/call/old", "/one", "/two", "/call/old"]);
    node.metric_is("forebay_filter_failures_total", &[("filter", "guest")], 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assemblyscript_on_abi_0_2_0() {
    // This SDK has the host write the length of the settings to a wrong address, and sees none on any host.
    greets_with("as-solo", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assemblyscript_on_abi_0_2_1() {
    greets("as-gcore").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn go_on_abi_0_2_0() {
    greets("go").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cpp_on_abi_0_2_1() {
    greets("cpp").await;
}
