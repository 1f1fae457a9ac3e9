//! What an explanation foretells is what the next request is told: situations one by one, each explained and then met.

use std::time::Duration;

use support::{Answer, Origin, RawClient, Response, TestNode};

use crate::codings::{html, page};

type Fields = &'static [(&'static str, &'static str)];

/// What comes before the request in question.
enum Step {
    Get(Fields),
    Wait(u64),
    SoftPurge,
}

struct Case {
    verdict: &'static str,
    route: &'static str,
    answers: Vec<Answer>,
    steps: &'static [Step],
    method: &'static str,
    fields: Fields,
}

/// A GET of a node to which nothing has happened.
fn case(verdict: &'static str) -> Case {
    Case { verdict, route: "", answers: Vec::new(), steps: &[], method: "GET", fields: &[] }
}

fn lasting(directives: &str) -> Answer {
    Answer::ok("0123456789").header("Cache-Control", directives).header("ETag", "\"1\"")
}

fn digits(first: usize, last: usize) -> Answer {
    let answer = Answer::status(206, &"0123456789"[first..=last]).header("Cache-Control", "max-age=60");
    answer.header("Content-Range", &format!("bytes {first}-{last}/10")).header("ETag", "\"1\"")
}

const GET: Step = Step::Get(&[]);
const FIRST_HALF: Step = Step::Get(&[("Range", "bytes=0-4")]);

fn stored_and_not() -> Vec<Case> {
    let fresh = || vec![lasting("max-age=60")];
    vec![
        case("fwd=uri-miss"),
        Case { answers: fresh(), steps: &[GET, Step::Wait(10)], ..case("hit; ttl=50") },
        Case { answers: fresh(), steps: &[GET, Step::Wait(60)], ..case("fwd=stale") },
        Case { answers: fresh(), steps: &[GET, Step::Wait(5), Step::SoftPurge], ..case("fwd=stale") },
        Case {
            answers: vec![lasting("max-age=60, stale-while-revalidate=30")],
            steps: &[GET, Step::Wait(70)],
            ..case("hit; ttl=-10; detail=stale_while_revalidate")
        },
        Case {
            answers: vec![lasting("max-age=60").header("Vary", "Accept")],
            steps: &[Step::Get(&[("Accept", "a/b")])],
            fields: &[("Accept", "c/d")],
            ..case("fwd=vary-miss")
        },
        Case { answers: fresh(), steps: &[GET], fields: &[("Cache-Control", "no-cache")], ..case("fwd=request") },
        Case {
            answers: fresh(),
            steps: &[GET, Step::Wait(65)],
            fields: &[("Cache-Control", "max-stale=9")],
            ..case("hit; ttl=-5")
        },
        Case { fields: &[("Cache-Control", "only-if-cached")], ..case("detail=only_if_cached") },
        Case { answers: fresh(), steps: &[GET], fields: &[("Cache-Control", "only-if-cached")], ..case("hit; ttl=60") },
    ]
}

fn by_the_cache() -> Vec<Case> {
    let refused = vec![Answer::ok("a").header("Cache-Control", "private")];
    vec![
        Case { answers: refused, steps: &[GET], ..case("fwd=uri-miss; detail=uncacheable") },
        Case { route: "[route.cache]\nenabled = false\n", ..case("fwd=bypass; detail=disabled") },
        Case { method: "DELETE", ..case("fwd=method; detail=method") },
        Case { fields: &[("Cache-Control", "no-store")], ..case("fwd=request; detail=no_store") },
        Case { fields: &[("If-Match", "\"1\"")], ..case("fwd=request; detail=precondition") },
    ]
}

fn with_a_failing_origin() -> Vec<Case> {
    let failing = || vec![lasting("max-age=60, stale-if-error=600"), Answer::status(503, "")];
    vec![
        Case {
            answers: vec![lasting("max-age=60, stale-if-error=600")],
            steps: &[GET, Step::Wait(70)],
            ..case("fwd=stale")
        },
        Case { answers: failing(), steps: &[GET, Step::Wait(70), GET], ..case("hit; ttl=-10; detail=backoff") },
        Case {
            answers: failing(),
            steps: &[GET, Step::Wait(70), GET, Step::Wait(1)],
            ..case("hit; ttl=-11; detail=stale_if_error")
        },
        Case {
            answers: failing(),
            route: "[route.cache]\nstale_on = [\"connect\"]\n",
            steps: &[GET, Step::Wait(70), GET],
            ..case("fwd=stale")
        },
    ]
}

fn of_parts() -> Vec<Case> {
    let half = || vec![digits(0, 4), digits(5, 9)];
    vec![
        Case { answers: half(), steps: &[FIRST_HALF], ..case("fwd=partial") },
        Case { answers: half(), steps: &[FIRST_HALF], fields: &[("Range", "bytes=1-3")], ..case("hit; ttl=60") },
        Case { answers: half(), steps: &[FIRST_HALF], fields: &[("Range", "bytes=3-")], ..case("fwd=partial") },
        Case { answers: half(), steps: &[FIRST_HALF], fields: &[("Range", "bytes=99-")], ..case("hit; ttl=60") },
        Case { answers: half(), steps: &[FIRST_HALF, Step::Wait(60)], ..case("fwd=stale") },
        Case { answers: half(), steps: &[FIRST_HALF], fields: &[("Authorization", "x")], ..case("fwd=partial") },
        Case { answers: half(), steps: &[FIRST_HALF], method: "HEAD", ..case("hit; ttl=60") },
    ]
}

fn of_head_and_codings() -> Vec<Case> {
    let swr = || vec![lasting("max-age=60, stale-while-revalidate=30")];
    let coded = "[route.compression]\ncodings = [\"gzip\"]\n";
    let text = || vec![html(page("one"))];
    vec![
        Case { method: "HEAD", ..case("fwd=uri-miss; detail=head") },
        Case {
            answers: swr(),
            steps: &[GET],
            method: "HEAD",
            fields: &[("Cache-Control", "no-cache")],
            ..case("fwd=request; detail=head")
        },
        Case { answers: swr(), steps: &[GET, Step::Wait(9)], method: "HEAD", ..case("hit; ttl=51") },
        Case { answers: swr(), steps: &[GET, Step::Wait(70)], method: "HEAD", ..case("fwd=stale; detail=head") },
        Case { route: coded, answers: text(), fields: &[("Accept-Encoding", "gzip")], ..case("fwd=uri-miss") },
        Case {
            route: coded,
            answers: text(),
            steps: &[GET],
            fields: &[("Accept-Encoding", "gzip")],
            ..case("hit; ttl=60")
        },
    ]
}

#[tokio::test]
async fn what_is_foretold_is_what_the_next_request_is_told() {
    let groups = [stored_and_not(), by_the_cache(), with_a_failing_origin(), of_parts(), of_head_and_codings()];
    for case in groups.into_iter().flatten() {
        let (_origin, node) = prepared(&case).await;
        let what = format!("{} {:?} of {}", case.method, case.fields, case.verdict);
        let foretold = foretold(&node, case.method, case.fields).await;
        let expected = format!("edge-1; {}", case.verdict);
        assert_eq!(line(&foretold, "verdict"), Some(expected.as_str()), "{what}\n{}", foretold.text());
        let met = node.connect().await.request(case.method, "/a", case.fields, b"").await;
        let told = met.header("cache-status").expect("every answer has the field");
        // What only the origin's answer decides cannot be foretold.
        let forwarded = case.verdict.starts_with("fwd=");
        let open: &[&str] = if case.verdict.contains("detail=") { &[] } else { &["detail="] };
        let open = [&["fwd-status=", "ttl=", "stored"], open].concat();
        let decided_later = |member: &&str| forwarded && open.iter().any(|name| member.starts_with(name));
        let told: Vec<&str> = told.split("; ").filter(|member| !decided_later(member)).collect();
        assert_eq!(told.join("; "), expected, "{what}");
    }
}

/// A node and its origin after the steps of a case.
async fn prepared(case: &Case) -> (Origin, TestNode) {
    let origin = Origin::start().await;
    for answer in &case.answers {
        origin.once("/a", answer.clone());
    }
    origin.otherwise(Answer::ok("new"));
    let node = TestNode::before(&origin, case.route);
    for step in case.steps {
        match step {
            Step::Get(fields) => _ = node.get_with("/a", fields).await,
            Step::Wait(seconds) => node.advance(Duration::from_secs(*seconds)),
            Step::SoftPurge => {
                let body = br#"{"url": "http://test.example/a", "soft": true}"#;
                let json = [("Content-Type", "application/json")];
                RawClient::connect(node.admin()).await.request("POST", "/v1/purge", &json, body).await;
            }
        }
    }
    (origin, node)
}

async fn foretold(node: &TestNode, method: &str, fields: &[(&str, &str)]) -> Response {
    let mut target = format!("/v1/explain?url=http://test.example/a&method={method}");
    for (name, value) in fields {
        target
            .push_str(&format!("&header={name}:{}", value.replace('"', "%22").replace('=', "%3D").replace(' ', "%20")));
    }
    RawClient::connect(node.admin()).await.request("GET", &target, &[("Accept", "text/plain")], b"").await
}

/// What the first line of this name says.
fn line<'t>(told: &'t Response, name: &str) -> Option<&'t str> {
    told.text().lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix("  ")?.trim()))
}

fn lines<'t>(told: &'t Response, name: &str) -> Vec<&'t str> {
    told.text().lines().filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix("  ")?.trim())).collect()
}

#[tokio::test]
async fn parts_are_told_with_what_would_be_fetched() {
    let (_origin, node) = prepared(&Case { answers: vec![digits(0, 4)], steps: &[FIRST_HALF], ..case("") }).await;
    let cases: [(Fields, Option<&str>); 5] = [
        (&[], Some("bytes=5-")),
        (&[("Range", "bytes=3-6")], Some("bytes=5-6")),
        (&[("Range", "bytes=7-8")], Some("bytes=7-8")),
        (&[("Range", "bytes=3-6"), ("If-Range", "\"2\"")], Some("bytes=5-")),
        (&[("Range", "bytes=1-3")], None),
    ];
    for (fields, fetch) in cases {
        let told = foretold(&node, "GET", fields).await;
        assert_eq!(line(&told, "fetch"), fetch, "{fields:?}\n{}", told.text());
        assert_eq!((line(&told, "bytes"), line(&told, "validator")), (Some("0-4 of 10"), Some("\"1\"")), "{fields:?}");
        assert_eq!(lines(&told, "lifetime"), ["60 from max_age"]);
        let apart = fields.first() == Some(&("Range", "bytes=7-8"));
        let state = if apart { "not selected by this request" } else { "selected by this request" };
        assert_eq!(line(&told, "state"), Some(state), "{fields:?}");
    }
}

#[tokio::test]
async fn a_failing_origin_is_told_with_its_pause() {
    let answers = || vec![lasting("max-age=60, stale-if-error=600"), Answer::status(503, "")];
    let steps = &[GET, Step::Wait(70), GET];
    let (_origin, node) = prepared(&Case { answers: answers(), steps, ..case("") }).await;
    let told = foretold(&node, "GET", &[]).await;
    // The pause is between half a second and one.
    assert_eq!(line(&told, "origin failed"), Some("5xx, left alone until Fri, 15 Jan 2027 08:01:10 GMT"));
    node.advance(Duration::from_secs(1));
    let told = foretold(&node, "GET", &[]).await;
    assert_eq!(line(&told, "origin failed"), Some("5xx, may be tried again since Fri, 15 Jan 2027 08:01:10 GMT"));
    node.advance(Duration::from_secs(100));
    assert_eq!(line(&foretold(&node, "GET", &[]).await, "origin failed"), None);
}

#[tokio::test]
async fn the_coding_of_an_answer_is_foretold() {
    let route = "[route.compression]\ncodings = [\"br\", \"gzip\"]\n";
    let coding =
        async |node: &TestNode, fields: Fields| line(&foretold(node, "GET", fields).await, "coding").map(str::to_owned);
    const BR: Fields = &[("Accept-Encoding", "gzip, br")];
    let (origin, node) = prepared(&Case { route, ..case("") }).await;
    let passing = "br as it passes, where the response may be coded, sent: br";
    assert_eq!(coding(&node, BR).await.as_deref(), Some(passing));
    origin.on("/a", html(page("one")));
    node.get("/a").await;
    assert_eq!(coding(&node, &[]).await, None);
    assert_eq!(coding(&node, &[("Accept-Encoding", "gzip, br"), ("Range", "bytes=0-1")]).await, None);
    for _ in 0..3 {
        assert_eq!(coding(&node, BR).await.as_deref(), Some("br is not made yet, sent: identity"), "asking makes none");
    }
    crate::codings::coded(&node, "br").await;
    assert_eq!(coding(&node, BR).await.as_deref(), Some("br is stored, sent: br"));
    assert_eq!(
        coding(&node, &[("Accept-Encoding", "gzip, br;q=0.1")]).await.as_deref(),
        Some("gzip is not made yet, sent: br")
    );
    let told = foretold(&node, "GET", BR).await;
    assert!(lines(&told, "form").iter().all(|form| form.starts_with("br: ")), "{}", told.text());
    origin.on("/a", html(page("two")).header("Cache-Control", "max-age=60, no-transform"));
    node.advance(Duration::from_secs(60));
    node.get("/a").await;
    let forbidden = "br is not allowed for the stored response, sent: identity";
    assert_eq!(coding(&node, BR).await.as_deref(), Some(forbidden));
}
