//! The proof of isolation: whatever an exchange does to a filter, the next one finds its image, bit for bit.
//!
//! Every module there is takes its turn: those that come with the node, foreign ones where they were built, hostile ones
//! that leave something to compare, and a guest that writes, grows, traps and answers. `FOREBAY_ISOLATION_RUNS` asks for
//! more exchanges.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fastrand::Rng;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::super::isolation::renewal::Renewal;
use super::super::{Chain, EndOfStream, Filters, Run, Verdict, Wanted};
use super::guest::{Guest, OUT};
use super::node::{Node, element, request, response, stream};
use crate::body::{Body, BodyError};
use crate::semantics::RequestHead;

/// Exchanges with all modules together.
const RUNS: u32 = 4_000;

/// The filters that come with the node, and settings with which they have work to do.
const OWN: [(&str, &str); 12] = [
    ("ab-test", r#"{"name":"cart","arms":[{"name":"old","weight":3},{"name":"new","weight":1,"origin":"next"}]}"#),
    (
        "bot-block",
        r#"{"block":["BadBot"],"missing":"block","verified":[{"agent":"Good","networks":["192.0.2.0/24"]}]}"#,
    ),
    ("canary", r#"{"percent":50,"origin":"next"}"#),
    ("cors", r#"{"origins":["https://*.shop.example"],"credentials":true,"max_age":"1h"}"#),
    ("device", "{}"),
    (
        "geo-headers",
        r#"{"networks":[{"network":"192.0.2.0/24","headers":{"x-country":"CH"}}],"otherwise":{"x-country":"ZZ"}}"#,
    ),
    ("guard", r#"{"rules":[{"name":"hidden","action":"block","paths":["/**/.*/**"]}],"hide":["server"]}"#),
    ("html-rewrite", r#"{"rules":[{"selector":"a[href]","set":{"rel":"nofollow"}}]}"#),
    ("jwt", r#"{"keys":[{"secret":"bG9uZyBlbm91Z2ggYSBzZWNyZXQgZm9yIHRlc3RzIQ"}],"token":"optional"}"#),
    ("query-normalise", r#"{"drop":["utm_*"]}"#),
    ("rewrite", r#"{"rules":[{"path":"/old","to":"/new","redirect":301}],"response_headers":{"set":{"x-edge":"1"}}}"#),
    ("signed-url", r#"{"keys":{"a":"a long random secret"}}"#),
];

/// Modules of tests/guests as they are built, and settings that choose what they do. `turnstile` of `rust` is not here: it
/// holds every request back, which fails at once, and leaves nothing to compare.
const BUILT: [(&str, &str); 18] = [
    ("as-gcore", "some settings"),
    ("as-solo", "some settings"),
    ("cpp", "some settings"),
    ("go", "some settings"),
    ("rust", "some settings"),
    ("rust", "bodies"),
    ("rust", "calls"),
    ("rust", "clockwork"),
    ("rust", "commons"),
    ("rust", "lacking"),
    ("rust", "metrics"),
    ("rust", "notebook"),
    ("rust", "properties"),
    ("rust", "rash"),
    ("rust", "repeated"),
    ("rust", "trailers"),
    ("rust-old", "some settings"),
    ("sdk", ""),
];

/// Guests of tests/guests/hostile that can be compared.
const HOSTILE: [&str; 4] = ["allocator", "chatter", "crowd", "lies"];

/// The others, and what there is of them instead of something to compare.
const NOT_COMPARED: [(&str, &str); 16] = [
    ("divide", ALWAYS_FAILS),
    ("flood", ALWAYS_FAILS),
    ("hoard", ALWAYS_FAILS),
    ("overread", ALWAYS_FAILS),
    ("recurse", ALWAYS_FAILS),
    ("spin", ALWAYS_FAILS),
    ("spin-in-calls", ALWAYS_FAILS),
    ("swell", ALWAYS_FAILS),
    ("trap", ALWAYS_FAILS),
    ("wait", ALWAYS_FAILS),
    ("pester", OWN_BOUNDS),
    ("squat", OWN_BOUNDS),
    ("stuff", OWN_BOUNDS),
    ("tally", OWN_BOUNDS),
    ("widen", "grows its table: its instance goes away with the exchange"),
    ("ponder", "never starts"),
];

const ALWAYS_FAILS: &str = "fails every exchange: its instance goes away with it";
const OWN_BOUNDS: &str = "traps under other bounds than those of its own test";

/// Subjects that lose an instance in some exchanges, with which there is nothing left to compare: one of so many exchanges
/// is compared all the same. Of all others each is.
const LOSING: [(&str, u32); 4] = [
    // Traps, grows, and writes more pages than are followed.
    ("wild", 2),
    // Its allocator takes a new page for the first of each size that it is asked for.
    ("cpp some settings", 10),
    // Holds more of some bodies back than it may.
    ("rust bodies", 2),
    // Panics where it is asked to.
    ("rust rash", 2),
];

const PATHS: [&str; 12] = [
    "/",
    "/old",
    "/a/.git/x",
    "/guide?page=2&utm_source=x",
    "/trap",
    "/grow",
    "/write",
    "/many",
    "/reply",
    "/close",
    "/hold",
    "/a?exp=1&sig=b&kid=a",
];

const FIELDS: [(&str, &str); 13] = [
    ("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"),
    ("origin", "https://www.shop.example"),
    ("access-control-request-method", "PUT"),
    ("cookie", "ab_cart=old; session=1"),
    ("user-agent", "Mozilla/5.0 (iPhone) BadBot/1"),
    ("x-panic", "request"),
    ("x-panic", "response"),
    ("x-forwarded-for", "198.51.100.7"),
    ("x-greet", "\u{fc}"),
    ("x-body", "replace"),
    ("x-body", "hold"),
    ("x-call", "one"),
    ("x-key", "a"),
];

/// Does what the second byte of the path says; changes its memory and a global in every callback.
fn wild() -> Vec<u8> {
    let mut guest = Guest::new();
    let path = guest.text(":path");
    let touch = "(i32.store (i32.const 40000) (i32.add (i32.load (i32.const 40000)) (i32.const 1)))
        (global.set $touched (i32.add (global.get $touched) (i32.const 1)))";
    let write = |end: u32| {
        format!(
            "(local.set $count (i32.const 40)) (loop $more
               (i32.store (i32.mul (local.get $count) (i32.const 4096)) (i32.const -1))
               (local.set $count (i32.add (local.get $count) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $count) (i32.const {end}))))"
        )
    };
    let reply = "(drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const -1)))";
    let acts = [
        ('t', "unreachable".to_owned()),
        ('g', "(drop (memory.grow (i32.const 1)))".to_owned()),
        ('w', write(60)),
        ('m', write(440)),
        ('r', reply.to_owned()),
        ('c', "(drop (call $close (i32.const 0)))".to_owned()),
    ];
    let acts: String = acts
        .iter()
        .map(|(letter, act)| {
            format!("(if (i32.eq (global.get $letter) (i32.const {})) (then {act}))", u32::from(*letter))
        })
        .collect();
    let learn = format!(
        "(drop (call $value (i32.const 0) {path} {OUT}))
         (global.set $letter (i32.load8_u (i32.add (i32.load (i32.const 0)) (i32.const 1))))"
    );
    let hold = "(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))";
    let body = format!(
        "(func (export \"proxy_on_request_body\") (param $context i32) (param $size i32) (param $end i32) (result i32)
           {touch} {hold} (i32.const 0))
         (func (export \"proxy_on_response_trailers\") (param $context i32) (param $count i32) (result i32)
           {touch} (i32.const 0))"
    );
    let globals = "(global $touched (mut i32) (i32.const 0)) (global $letter (mut i32) (i32.const 0))";
    let guest = guest.with(globals).on_configure("(drop (memory.grow (i32.const 28)))");
    let guest = guest.on_request(&format!("{learn} {touch} {acts}")).on_response(touch).on_log(touch);
    guest.with(&body).build()
}

/// A filter, and the exchange that waits in it.
struct Subject {
    name: String,
    chain: Chain,
    waiting: Option<(Run, RequestHead)>,
    /// How many exchanges are over.
    ended: u32,
    compared: u32,
}

impl Subject {
    /// One exchange, or one that waited in its place.
    async fn exchange(&mut self, rng: &mut Rng) {
        let mut run = self.chain.begin(stream());
        let mut head = asked(rng);
        let verdict = run.ask(&mut head, EndOfStream::No);
        if matches!(verdict, Verdict::Continue) {
            if rng.u8(..2) == 0
                && let Ok(passed) = run.through_request(&head, body(rng)).await
            {
                _ = passed.collect().await;
            }
            if rng.u8(..3) == 0 {
                let Some((waited, its_head)) = self.waiting.replace((run, head)) else { return };
                (run, head) = (waited, its_head);
            }
            // Some leave before they are answered.
            if rng.u8(..8) > 0 {
                self.answer(&mut run, head, rng).await;
            }
        }
        drop(run);
        self.compare();
    }

    async fn answer(&self, run: &mut Run, mut head: RequestHead, rng: &mut Rng) {
        let mut parts = response();
        parts.status = [200, 301, 404, 500][rng.usize(..4)].try_into().unwrap();
        let verdict = run.tell(&mut head, &mut parts, EndOfStream::No);
        if matches!(verdict, Verdict::Continue) && rng.u8(..2) == 0 {
            run.keep(&mut head, parts);
            _ = run.through_response(body(rng)).collect().await;
        }
    }

    /// There is nothing to compare where the instance went away with its exchange.
    fn compare(&mut self) {
        let same = self.chain.compared();
        assert!(same != Some(false), "{} is not its image", self.name);
        self.ended += 1;
        self.compared += u32::from(same.is_some());
    }
}

/// A request of any kind.
fn asked(rng: &mut Rng) -> RequestHead {
    let mut head = request();
    head.path = PATHS[rng.usize(..PATHS.len())].parse().unwrap();
    for (name, value) in FIELDS {
        // A guest that panics at every other request proves little.
        if rng.u8(..if name == "x-panic" { 8 } else { 2 }) == 0 {
            head.headers.insert(name, value.parse().unwrap());
        }
    }
    let long = "v".repeat(rng.usize(..300));
    head.headers.insert("x-long", long.parse().unwrap());
    head
}

/// Pieces, trailers, or a body that breaks off.
fn body(rng: &mut Rng) -> Body {
    let mut frames: Vec<Result<Frame<Bytes>, BodyError>> =
        (0..rng.usize(..4)).map(|_| Ok(Frame::data(Bytes::from(vec![b'b'; rng.usize(1..2000)])))).collect();
    match rng.u8(..4) {
        0 => frames.push(Ok(Frame::trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())])))),
        1 => frames.push(Err(BodyError::Incomplete)),
        _ => {}
    }
    Body::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

/// Everything that was built; a filter of our own without settings here fails the test.
fn node() -> Node {
    let mut node = Node::new();
    node.limits.memory_bytes_max = 64 << 20;
    node.limits.module_bytes_max = 8 << 20;
    node.limits.table_elements_max = 100_000;
    node.limits.metric_series_max = 100;
    node.limits.header_count_max = 200;
    node.limits.header_bytes_max = 64 << 10;
    node.limits.shared_data_bytes_max = 64 << 20;
    node.limits.queue_length_max = 1 << 20;
    node.limits.body_buffer_max = 4096;
    node.add("wild", &wild());
    for module in modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/dist")) {
        let name = module.file_stem().unwrap().to_str().unwrap();
        let settings = OWN.iter().find(|(own, _)| *own == name);
        let (_, settings) = settings.unwrap_or_else(|| panic!("{name} needs settings in this test"));
        node.add(name, &std::fs::read(&module).unwrap()).settings = (*settings).into();
    }
    // target/PROFILE/deps/TEST
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(3).unwrap().join("guests-built");
    for (name, settings) in BUILT {
        match std::fs::read(built.join(name).with_extension("wasm")) {
            Ok(module) => node.add(&format!("{name} {settings}"), &module).settings = settings.into(),
            Err(_) => skip(&format!("the guest {name} was not built: its isolation is not proven")),
        }
    }
    for (name, text) in hostile() {
        node.add(&name, &wat::parse_str(text.replace("ALLOCATE", "(i32.const 0)")).unwrap());
    }
    node
}

/// Names and texts of those that can be compared; one that is in neither list fails the test.
fn hostile() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/hostile")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if HOSTILE.contains(&name) {
            found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        } else {
            assert!(
                NOT_COMPARED.iter().any(|(other, _)| *other == name),
                "{name} is to be compared, or the reason told"
            );
        }
    }
    assert_eq!(found.len(), HOSTILE.len());
    found
}

/// Tells who reads the result of the tests what was left out: `scripts/test` sets the variable to a file of such lines.
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(path) = std::env::var_os("FOREBAY_TEST_NOTES") {
        let mut notes = File::options().append(true).create(true).open(path).unwrap();
        writeln!(notes, "{reason}").unwrap();
    }
}

fn modules(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
}

async fn prove(filters: &Filters, names: &[String], runs: u32) {
    let subject = |name: &String| {
        let chain = filters.chain(&[element(name)]).unwrap();
        Subject { name: name.clone(), chain, waiting: None, ended: 0, compared: 0 }
    };
    let mut subjects: Vec<Subject> = names.iter().map(subject).collect();
    let count = subjects.len();
    for turn in 0..runs {
        let mut rng = Rng::with_seed(u64::from(turn));
        subjects[turn as usize % count].exchange(&mut rng).await;
    }
    for mut subject in subjects {
        drop(subject.waiting.take());
        subject.compare();
        let Subject { name, compared, ended, .. } = subject;
        let losing = LOSING.iter().find(|(losing, _)| *losing == name);
        let least = losing.map_or(ended, |(_, part)| ended.div_ceil(*part));
        assert!(compared >= least, "{name} was compared after {compared} of {ended} exchanges");
    }
}

/// First by the pages written, then by copies, as where pages cannot be tracked.
#[tokio::test]
async fn memory_and_globals_are_the_image_after_every_exchange_with_any_module() {
    let asked = std::env::var("FOREBAY_ISOLATION_RUNS").ok().and_then(|runs| runs.parse().ok());
    let runs: u32 = asked.unwrap_or(RUNS);
    let mut node = node();
    let names: Vec<String> = node.filters.iter().map(|filter| filter.name.to_string()).collect();
    let compiled = tempfile::tempdir().unwrap();
    for (renewal, runs) in [(Renewal::Pages, runs), (Renewal::Copies, runs / 8)] {
        node.environment.renewal = renewal;
        let wanted = Wanted { cache: Some(compiled.path()), ..node.wanted(&[]) };
        let filters = Filters::load(&wanted, &node.environment).unwrap_or_else(|errors| panic!("{errors:?}"));
        prove(&filters, &names, runs).await;
    }
}
