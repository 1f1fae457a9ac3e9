//! What an exchange finds in a filter of those before it, and of those beside it: nothing, unless they share it.

use std::path::Path;
use std::thread;

use bytes::Bytes;

use super::super::isolation::tracked::KEPT_MAX;
use super::super::{Chain, EndOfStream, FailureKind, Run, Verdict};
use super::guest::{Guest, OUT};
use super::node::{Node, chain_of, limits, request, response, run_both, run_request, statuses, stream};
use crate::body::Body;
use crate::config::{Isolation, OnError};
use crate::worker;

/// Exchanges of the long run; `FOREBAY_ISOLATION_RUNS` asks for more.
const RUNS: u32 = 20_000;

/// Counts in its memory and in a global, and tells both.
fn counter() -> Guest {
    let count = "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (call $tell (i32.load (i32.const 40000))) (call $tell (global.get $count))";
    Guest::new().with("(global $count (mut i32) (i32.const 0))").on_request(count).on_response(count)
}

fn answer(run: &mut Run) -> Vec<u32> {
    let (mut head, mut parts) = (request(), response());
    let verdict = run.on_response(&mut head, &mut parts, EndOfStream::No);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    statuses(&parts.headers)
}

fn made(node: &Node, cause: &str) -> String {
    node.metric(&format!("forebay_filter_instances_total{{cause=\"{cause}\",filter=\"probe\"}}")).unwrap()
}

#[test]
fn every_exchange_finds_the_filter_as_it_was_configured() {
    let mut node = Node::new();
    node.add("probe", &counter().build());
    let chain = node.chain();
    for _ in 0..3 {
        let (mut run, head, _) = run_request(&chain);
        assert_eq!(statuses(&head.headers), [1, 1]);
        assert_eq!(answer(&mut run), [2, 2]);
        drop(run);
        assert!(chain.pristine());
    }
    assert_eq!(made(&node, "first"), "1");
}

#[test]
fn exchanges_that_wait_never_see_each_other() {
    let mut node = Node::new();
    node.add("probe", &counter().build());
    let chain = node.chain();
    let mut runs: Vec<Run> = (0..5)
        .map(|_| {
            let (run, head, _) = run_request(&chain);
            assert_eq!(statuses(&head.headers), [1, 1]);
            run
        })
        .collect();
    // One of them goes away while it is set aside, one while it has the instance.
    drop(runs.remove(1));
    drop(runs.pop());
    for mut run in runs {
        assert_eq!(answer(&mut run), [2, 2]);
    }
    assert!(chain.pristine());
    assert_eq!(made(&node, "first"), "1");
}

#[test]
fn shared_filter_keeps_what_exchanges_leave() {
    let mut node = Node::new();
    node.add("probe", &counter().build()).isolation = Isolation::Shared;
    let chain = node.chain();
    let (mut first, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [1, 1]);
    let (_second, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [2, 2]);
    assert_eq!(answer(&mut first), [3, 3]);
}

#[test]
fn shared_instance_that_breaks_is_lost_to_those_in_it() {
    let mut node = Node::new();
    let trap = "(if (i32.eq (i32.load (i32.const 40000)) (i32.const 1)) (then unreachable))
        (i32.store (i32.const 40000) (i32.const 1))";
    node.add("probe", &Guest::new().on_request(trap).on_response("").build()).isolation = Isolation::Shared;
    let chain = node.chain();
    let (mut first, _, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    let (_second, _, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Trap));
    let (_third, _, verdict) = run_request(&chain);
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
    let verdict = first.on_response(&mut request(), &mut response(), EndOfStream::No);
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Lost));
}

#[test]
fn guest_that_grows_keeps_its_instance_to_itself() {
    let grow =
        "(drop (memory.grow (i32.const 1))) (i32.store (i32.const 65536) (i32.const 77)) (call $tell (memory.size))";
    let tell = "(call $tell (i32.load (i32.const 65536))) (call $tell (memory.size))";
    let mut node = Node::new();
    node.add("probe", &Guest::new().on_request(grow).on_response(tell).build());
    let chain = node.chain();
    let (mut first, head, _) = run_request(&chain);
    let (mut second, other, _) = run_request(&chain);
    assert_eq!((statuses(&head.headers), statuses(&other.headers)), (vec![2], vec![2]));
    assert_eq!(answer(&mut first), [77, 2]);
    assert_eq!(answer(&mut second), [77, 2]);
    drop((first, second));
    let (_run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [2]);
    assert_eq!((made(&node, "first"), made(&node, "outgrown")), ("1".into(), "2".into()));
}

#[test]
fn trap_leaves_those_who_wait_as_they_were() {
    let count = "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
        (call $tell (i32.load (i32.const 40000)))";
    let mut guest = Guest::new();
    let path = guest.text("x-trap");
    let trap = format!(
        "{count} (if (i32.eqz (call $value (i32.const 0) {path} {OUT})) (then (drop (i32.load (i32.const -4)))))"
    );
    let mut node = Node::new();
    node.add("probe", &guest.on_request(&trap).on_response(count).build());
    let chain = node.chain();
    let (mut waiting, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [1]);
    let mut head = request();
    head.headers.insert("x-trap", "1".parse().unwrap());
    // A bad address is a trap as ever, although the host looks at such signals first.
    let verdict = chain.begin(stream()).on_request(&mut head, EndOfStream::Yes);
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Trap));
    assert_eq!(answer(&mut waiting), [2]);
    assert_eq!(made(&node, "failed"), "1");
}

/// Writes one word in each of the first `pages` small pages.
fn writer(pages: usize) -> Vec<u8> {
    let wat = format!(
        "(local.set $end (i32.const 40))
         (loop $more
           (i32.store (i32.mul (local.get $end) (i32.const 4096)) (i32.const -1))
           (local.set $end (i32.add (local.get $end) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $end) (i32.const {}))))",
        40 + pages
    );
    let tell = "(call $tell (i32.and (i32.const 1) (i32.load (i32.const 163840))))";
    // What it writes begins behind the texts and the tools of the guest, in memory that it is configured to have.
    let configure = "(drop (memory.grow (i32.const 28)))";
    Guest::new().on_configure(configure).on_request(&format!("{tell}{wat}")).on_response(tell).build()
}

#[test]
fn any_number_of_pages_is_put_back() {
    for pages in [1, KEPT_MAX - 4, KEPT_MAX + 1, 250, 257, 400] {
        let mut node = Node::new();
        node.limits.memory_bytes_max = 4 << 20;
        node.add("probe", &writer(pages));
        let chain = node.chain();
        for _ in 0..3 {
            let (mut first, head, _) = run_request(&chain);
            let (mut second, other, _) = run_request(&chain);
            assert_eq!((statuses(&head.headers), statuses(&other.headers)), (vec![0], vec![0]), "{pages} pages");
            assert_eq!((answer(&mut first), answer(&mut second)), (vec![1], vec![1]), "{pages} pages");
            drop((first, second));
            assert!(chain.pristine(), "{pages} pages");
        }
    }
}

#[test]
fn write_over_the_edge_of_a_page_is_noted_on_both_sides() {
    let edge = "(i64.store (i32.const 45052) (i64.const -1)) (call $tell (i32.load8_u (i32.const 45059)))";
    let chain = chain_of(&Guest::new().on_request(edge).build());
    let (run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [255]);
    drop(run);
    assert!(chain.pristine());
}

#[test]
fn host_writes_are_put_back_too() {
    // Nobody but the host writes to this page.
    let mut guest = Guest::new();
    let name = guest.text("accept");
    let ask = format!(
        "(drop (call $value (i32.const 0) {name} (i32.const 45052) (i32.const 45056))) (call $tell (i32.load (i32.const 45056)))"
    );
    let chain = chain_of(&guest.on_request(&ask).build());
    let (run, head, _) = run_request(&chain);
    assert_eq!(statuses(&head.headers), [9]);
    drop(run);
    assert!(chain.pristine());
}

#[test]
fn guest_whose_tables_change_is_started_for_every_exchange() {
    let count = "(table.set $t (i32.const 0) (ref.null func))
        (i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
        (call $tell (i32.load (i32.const 40000)))";
    let mut node = Node::new();
    node.add("probe", &Guest::new().with("(table $t 1 funcref)").on_request(count).on_response(count).build());
    let chain = node.chain();
    for _ in 0..2 {
        let (mut run, head, _) = run_request(&chain);
        assert_eq!(statuses(&head.headers), [1]);
        assert_eq!(answer(&mut run), [2]);
    }
    assert_eq!(made(&node, "exclusive"), "2");
}

#[test]
fn instances_of_their_own_are_bounded() {
    let mut node = Node::new();
    node.limits.instances_max = 5;
    node.add("probe", &Guest::new().on_request("(drop (memory.grow (i32.const 1)))").build());
    let chain = node.chain();
    let runs: Vec<Run> = (0..5).map(|_| run_request(&chain).0).collect();
    let verdict = run_request(&chain).2;
    assert!(matches!(verdict, Verdict::Fail(failure) if failure.kind == FailureKind::Start));
    drop(runs);
    let verdict = run_request(&chain).2;
    assert!(matches!(verdict, Verdict::Continue), "{verdict:?}");
}

/// The filters that come with the node, as it configures them, and a guest that writes much.
fn mixed() -> Chain {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/dist");
    let mut node = Node::new();
    node.limits.memory_bytes_max = 4 << 20;
    let settings = [
        ("guard", r#"{"rules":[{"name":"hidden","action":"block","paths":["/**/.*/**"]}],"hide":["server"]}"#),
        (
            "rewrite",
            r#"{"rules":[{"path":"/old","to":"/new","redirect":301}],"response_headers":{"set":{"x-edge":"1"}}}"#,
        ),
        ("canary", r#"{"percent":50,"origin":"next"}"#),
    ];
    for (name, settings) in settings {
        let module = std::fs::read(dist.join(format!("{name}.wasm"))).unwrap();
        let filter = node.add(name, &module);
        filter.settings = settings.into();
        filter.on_error = OnError::FailClosed;
    }
    node.add("counter", &counter().build());
    node.add("writer", &writer(6));
    node.chain()
}

#[test]
fn memory_and_globals_are_the_image_after_every_one_of_many_exchanges() {
    let asked = std::env::var("FOREBAY_ISOLATION_RUNS").ok().and_then(|runs| runs.parse().ok());
    let chain = mixed();
    let mut waiting: Option<Run> = None;
    for turn in 0..asked.unwrap_or(RUNS) {
        let mut head = request();
        head.path = ["/", "/old", "/a/.git/x", "/guide?page=2"][turn as usize % 4].parse().unwrap();
        head.headers.insert("x-turn", turn.into());
        let mut run = chain.begin(stream());
        let verdict = run.on_request(&mut head, EndOfStream::Yes);
        assert!(!matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
        // Every third exchange waits until the next one has had its request.
        let mut over = if turn % 3 == 0 { waiting.replace(run) } else { Some(run) };
        if let Some(run) = &mut over {
            let verdict = run.on_response(&mut head, &mut response(), EndOfStream::No);
            assert!(!matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
        }
        drop(over);
        if turn % 3 == 1 {
            drop(waiting.take());
        }
        assert!(waiting.is_some() || chain.pristine(), "exchange {turn}");
    }
    drop(waiting);
    assert!(chain.pristine());
}

#[test]
fn workers_have_instances_of_their_own() {
    const WORKERS: usize = 4;
    let mut node = Node::of_workers(WORKERS);
    node.add("probe", &counter().build());
    let chain = node.chain();
    thread::scope(|scope| {
        for index in 0..WORKERS {
            let chain = chain.clone();
            scope.spawn(move || {
                worker::enter(index);
                for _ in 0..500 {
                    let (run, parts, _) = run_both(&chain);
                    assert_eq!(statuses(&parts.headers), [2, 2]);
                    drop(run);
                }
                assert!(chain.pristine());
            });
        }
    });
    assert_eq!(made(&node, "first"), WORKERS.to_string());
}

#[tokio::test]
async fn exchange_that_fails_between_callbacks_leaves_nothing_behind() {
    let hold = r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 1))"#;
    let chain = chain_of(&counter().with(hold).build());
    let (mut run, head, _) = run_request(&chain);
    let body = Body::from(Bytes::from(vec![b'x'; 3 * limits().body_buffer_max]));
    let verdict = run.through_request(&head, body).await.err();
    assert!(matches!(verdict, Some(Verdict::Fail(failure)) if failure.kind == FailureKind::BodyBuffer));
    assert!(chain.pristine());
}
