//! Versions of a filter swapped under constant load: no request is lost, and each ends on the version it began with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Answer, Gate, Origin, RawClient, Seen, TestNode, get, one_route};

use crate::guest::{Guest, REQUEST, RESPONSE};

const CONNECTIONS: usize = 6;
const RELOADS: usize = 40;
/// So many, however fast the reloads are.
const REQUESTS_MIN: usize = 60;

/// A module that says its version to the origin in `x-began`, and to the client in `x-ended`.
fn version(folder: &Path, name: &str) -> PathBuf {
    let mut guest = Guest::default();
    let (began, ended) = (guest.add(REQUEST, "x-began", name), guest.add(RESPONSE, "x-ended", name));
    guest.on("request_headers", &[began]).on("response_headers", &[ended]).build(folder, name)
}

fn config(module: &Path, origin: &Origin) -> String {
    format!("[filters.one]\nmodule = {module:?}\n{}filters = [\"one\"]\n", one_route(origin))
}

/// Answers what it was told of the version.
fn echo(seen: &Seen) -> Answer {
    let began = seen.header("x-began").unwrap_or("nothing");
    Answer::ok(began).header("Cache-Control", "no-store")
}

/// The version that a request began and ended on. Fails the test where these are two, or where it was not answered well.
fn one_version(response: &support::Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.headers("x-ended"), [response.text()], "it ends on the version it began with");
    response.text().to_owned()
}

/// Asks for `path` on one connection until there were enough requests and the reloads are over; how many met which version.
async fn ask(address: SocketAddr, path: String, over: Arc<AtomicBool>) -> BTreeMap<String, usize> {
    let mut client = RawClient::connect(address).await;
    let mut met = BTreeMap::new();
    let mut asked = 0;
    while asked < REQUESTS_MIN || !over.load(Ordering::Relaxed) {
        *met.entry(one_version(&client.get(&path).await)).or_default() += 1;
        asked += 1;
    }
    met
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_versions_are_swapped_under_load() {
    let origin = Origin::start().await;
    origin.replying(echo);
    let folder = tempfile::tempdir().unwrap();
    let modules = ["odd", "even"].map(|name| version(folder.path(), name));
    let node = TestNode::start(&config(&modules[1], &origin));
    let over = Arc::new(AtomicBool::new(false));
    let ask = |index| tokio::spawn(ask(node.address(), format!("/{index}"), over.clone()));
    let clients: Vec<_> = (0..CONNECTIONS).map(ask).collect();
    for turn in 0..RELOADS {
        node.configure(&config(&modules[turn % 2], &origin));
        let told = node.reload().await;
        assert!(told.status == 200 && told.text().contains("\"result\":\"loaded\""), "{}", told.text());
        assert_eq!(one_version(&node.get("/").await), ["odd", "even"][turn % 2], "the next request meets it");
    }
    over.store(true, Ordering::Relaxed);
    let mut met = BTreeMap::<String, usize>::new();
    for client in clients {
        client.await.unwrap().into_iter().for_each(|(name, count)| *met.entry(name).or_default() += count);
    }
    assert!(met.values().sum::<usize>() >= CONNECTIONS * REQUESTS_MIN, "{met:?}");
    assert!(met.keys().eq(["even", "odd"]), "both versions, and no third: {met:?}");
    node.metric_is("forebay_filter_reloads_total", &[("result", "loaded")], RELOADS as f64).await;
    assert_eq!(node.scrape().await.value("forebay_filter_failures_total", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_end_on_the_version_they_began_with_whatever_came_since() {
    let origin = Origin::start().await;
    let gate = Gate::closed();
    let held = gate.clone();
    origin.replying(move |seen| if seen.target.starts_with("/slow") { echo(seen).after(&held) } else { echo(seen) });
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d"];
    let modules = names.map(|name| version(folder.path(), name));
    let node = TestNode::start(&config(&modules[0], &origin));
    let mut slow = Vec::new();
    for (turn, name) in names.iter().enumerate() {
        if turn > 0 {
            node.configure(&config(&modules[turn], &origin));
            assert_eq!(node.reload().await.status, 200);
        }
        // Requests for the same would wait for each other.
        for number in 0..3 {
            let (address, path) = (node.address(), format!("/slow/{name}/{number}"));
            slow.push((*name, tokio::spawn(async move { get(address, &path).await })));
        }
        origin.requests_reach(slow.len()).await;
    }
    gate.open();
    for (name, answer) in slow {
        assert_eq!(one_version(&answer.await.unwrap()), name);
    }
}
