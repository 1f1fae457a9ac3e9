//! What a run costs; run by hand: `cargo test --release -p forebay filter::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::super::EndOfStream;
use super::guest::{Guest, OUT};
use super::node::{Node, request, response, stream};

/// A header filter's usual work: two reads and one change of the request, one read and two changes of the response, all
/// six callbacks there.
fn header_filter() -> Vec<u8> {
    let mut guest = Guest::new();
    let [accept, path, name, value, kind] =
        ["accept", ":path", "x-edge", "blue", "content-type"].map(|text| guest.text(text));
    let on_request = format!(
        "(global.set $free (i32.const 32768)) (drop (call $value (i32.const 0) {accept} {OUT}))
         (drop (call $value (i32.const 0) {path} {OUT})) (drop (call $replace (i32.const 0) {name} {value}))"
    );
    let on_response =
        format!("(drop (call $value (i32.const 2) {kind} {OUT})) (drop (call $replace (i32.const 2) {name} {value}))");
    guest
        .with(
            r#"(func (export "proxy_on_context_create") (param i32 i32))
               (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
               (func (export "proxy_on_delete") (param i32))"#,
        )
        .on_request(&on_request)
        .on_response(&on_response)
        .on_log("")
        .build()
}

#[test]
#[ignore = "a measurement, not a promise"]
fn run_of_a_header_filter() {
    const RUNS: u32 = 100_000;
    for filters in [1, 2, 5] {
        let mut node = Node::new();
        for index in 0..filters {
            node.add(&format!("filter-{index}"), &header_filter());
        }
        let chain = node.chain();
        let (stream, mut head, mut parts) = (stream(), request(), response());
        let mut best = f64::MAX;
        for _ in 0..9 {
            let start = Instant::now();
            for _ in 0..RUNS {
                let mut run = chain.begin(stream.clone());
                run.ask(&mut head, EndOfStream::Yes);
                run.tell(&mut head, &mut parts, EndOfStream::No);
            }
            best = best.min(start.elapsed().as_secs_f64() / f64::from(RUNS));
        }
        println!("{filters} filters: {:.3} us per run", best * 1e6);
    }
}
