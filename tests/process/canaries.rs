//! The next version of a filter on a part of the requests, as an operator sees it: its share, and how it is taken back.

use support::{Answer, patiently};

use super::versions::{ANSWER_503, LOOP, Stage, TRAP, TRAP_WHERE_ASKED};

/// Where a deadline is met on purpose, it is met soon; elsewhere it is far away.
const LIMITS: &str = "[filter_limits]\ncallback_deadline = \"50ms\"\n";

fn count(met: &[(u16, String)], status: u16, version: &str) -> usize {
    met.iter().filter(|(found, name)| (*found, &**name) == (status, version)).count()
}

/// The state and the share of the stable version, and of the one beside it.
async fn states(stage: &Stage) -> [(String, Option<u64>); 2] {
    let states = stage.states().await;
    assert_eq!(states.len(), 2, "{states:?}");
    [0, 1].map(|index| {
        let state = &states[index];
        assert_eq!(state["name"], "tried");
        (state["state"].as_str().expect("a word").to_owned(), state["percent"].as_u64())
    })
}

/// What `states` is where the one beside it is this.
fn beside(state: &str, percent: u64) -> [(String, Option<u64>); 2] {
    [("running".to_owned(), None), (state.to_owned(), Some(percent))]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_serves_its_share_of_the_requests() {
    let stage = Stage::trying("", 25, "").await;
    let met = stage.ask(400).await;
    let next = count(&met, 200, "next");
    // 100 expected, standard deviation 8.7: outside once in a billion runs.
    assert!((45..=155).contains(&next), "{next}");
    assert_eq!(count(&met, 200, "stable"), 400 - next);
    assert_eq!(states(&stage).await, beside("canary", 25));
    for (percent, [stable, next]) in [(0, [50, 0]), (100, [0, 50])] {
        stage.reload(&stage.canary(percent)).await;
        let met = stage.ask(50).await;
        assert_eq!([count(&met, 200, "stable"), count(&met, 200, "next")], [stable, next], "{percent} percent");
    }
    stage.reload("").await;
    assert_eq!((count(&stage.ask(50).await, 200, "stable"), stage.states().await.len()), (50, 1));
}

/// All that tells an operator why a canary gets no more requests.
async fn is_taken_back(stage: &Stage, reason: &str) {
    assert_eq!(states(stage).await, beside("rolled_back", 0));
    let rollbacks = "forebay_filter_rollbacks_total";
    assert_eq!(stage.metric(rollbacks, &[("filter", "tried")]).await, 1.0);
    assert_eq!(stage.metric(rollbacks, &[("filter", "tried"), ("reason", reason)]).await, 1.0);
    let line = stage.line("canary taken back").await;
    let versions = stage.states().await;
    let [stable, next] = [0, 1].map(|index| versions[index]["version"].as_str().expect("a text").to_owned());
    for part in
        ["ERROR", "tried", &format!("version={next}"), &format!("stable={stable}"), &format!("reason=\"{reason}\"")]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_is_taken_back_after_its_third_failure() {
    for (statements, kind) in [(TRAP, "trap"), (LOOP, "deadline")] {
        let stage = Stage::trying(statements, 50, LIMITS).await;
        let met = stage.ask(200).await;
        assert_eq!(met.iter().filter(|(status, _)| *status == 500).count(), 3, "{kind}: {met:?}");
        assert_eq!(count(&met, 200, "stable"), 197, "{kind}");
        assert_eq!(stage.metric("forebay_filter_failures_total", &[("filter", "tried"), ("kind", kind)]).await, 3.0);
        is_taken_back(&stage, "failures").await;
        stage.reload(&stage.canary(50)).await;
        assert_eq!(states(&stage).await, beside("canary", 50), "{kind}: a reload tries it again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_changes_the_rate_of_errors_is_taken_back() {
    let stage = Stage::trying(ANSWER_503, 50, "").await;
    let met = stage.ask(400).await;
    let errors = count(&met, 503, "next");
    assert!((10..=60).contains(&errors), "{errors} before it was taken back");
    assert_eq!(count(&met, 200, "stable"), 400 - errors);
    assert_eq!(count(&met[300..], 200, "stable"), 100, "it gets none of the last hundred");
    is_taken_back(&stage, "errors").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_both_versions_have_take_no_canary_back() {
    let stage = Stage::trying("", 50, "").await;
    stage.origin.otherwise(Answer::status(503, "down").header("Cache-Control", "no-store"));
    let met = stage.ask(400).await;
    assert_eq!(count(&met, 503, "stable") + count(&met, 503, "next"), 400);
    // 200 expected, standard deviation 10.
    assert!((140..=260).contains(&count(&met, 503, "next")));
    assert_eq!(states(&stage).await, beside("canary", 50));
    assert_eq!(stage.metric("forebay_filter_rollbacks_total", &[]).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_opens_and_closes_and_the_log_says_so() {
    let limits = "[filter_limits]\nbreaker_failures = 3\nbreaker_cooldown = \"10ms\"\n";
    let stage = Stage::with("", limits).await;
    stage.put("stable", &super::versions::module("shaky", TRAP_WHERE_ASKED));
    stage.reload("").await;
    let bad = Answer::ok("bad").header("Cache-Control", "no-store").header("x-trap", "1");
    let good = Answer::ok("good").header("Cache-Control", "no-store");
    stage.origin.otherwise(bad);
    assert_eq!(stage.ask(3).await.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [500; 3]);
    let version = stage.states().await[0]["version"].as_str().expect("a text").to_owned();
    assert_eq!(stage.states().await[0]["state"], "breaker_open");
    assert_eq!(stage.metric("forebay_filter_breaker_open", &[("filter", "tried")]).await, 1.0);
    let line = stage.line("breaker open").await;
    assert!(line.contains("ERROR") && line.contains(&format!("version={version}")), "{line}");
    stage.origin.otherwise(good);
    let closed = async { while stage.ask(1).await[0] != (200, "shaky".to_owned()) {} };
    patiently("a request to be let in again", closed).await;
    let line = stage.line("breaker closed").await;
    assert!(line.contains("tried") && line.contains(&format!("version={version}")), "{line}");
    assert_eq!(stage.states().await[0]["state"], "running");
    assert_eq!(stage.metric("forebay_filter_breaker_open", &[("filter", "tried")]).await, 0.0);
}
