//! What a run costs; run by hand: `cargo test --release -p forebay filter::tests::speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio::time::sleep;

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

/// A guest of 17 pages that has written so many KiB of them changes one word by each tick; what a tick costs, and the first
/// exchange after it beside another.
#[tokio::test(start_paused = true)]
#[ignore = "a measurement, not a promise"]
async fn tick_of_a_guest_of_a_mebibyte() {
    const TICKS: u32 = 1_000;
    for kibibytes in [16, 128, 1_000] {
        let mut node = Node::new();
        node.limits.memory_bytes_max = 4 << 20;
        node.environment = node.environment.clone().keeping(Handle::current());
        let configure = format!(
            "(drop (memory.grow (i32.const 16))) (drop (call $tick (i32.const 10)))
             (memory.fill (i32.const 65536) (i32.const 1) (i32.const {}))",
            kibibytes << 10
        );
        let tick = "(func (export \"proxy_on_tick\") (param i32)
            (i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1))))";
        node.add("probe", &Guest::new().on_configure(&configure).on_request("").with(tick).build());
        let filters = node.load().unwrap();
        let chain = filters.chain(&node.elements()).unwrap();
        let (stream, mut head) = (stream(), request());
        let mut spent = [Duration::ZERO; 3];
        for _ in 0..TICKS {
            let mut times = vec![processor_time()];
            sleep(Duration::from_millis(12)).await;
            times.push(processor_time());
            for _ in 0..2 {
                chain.begin(stream.clone()).on_request(&mut head, EndOfStream::Yes);
                times.push(processor_time());
            }
            spent.iter_mut().zip(times.windows(2)).for_each(|(spent, pair)| *spent += pair[1] - pair[0]);
        }
        let [tick, first, second] = spent.map(|spent| spent.as_secs_f64() * 1e6 / f64::from(TICKS));
        println!("{kibibytes} KiB written: {tick:.1} us per tick; exchanges {first:.1} us, then {second:.1} us");
    }
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
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
                run.on_request(&mut head, EndOfStream::Yes);
                run.on_response(&mut head, &mut parts, EndOfStream::No);
            }
            best = best.min(start.elapsed().as_secs_f64() / f64::from(RUNS));
        }
        println!("{filters} filters: {:.3} us per run", best * 1e6);
    }
}
