//! Keys, lessons and changes against a plain model: whatever order fetches, rules and changes come in, no request gets a
//! response that was fetched for another query than an equivalent one, or before a change of what it names.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::FutureExt;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use prometheus::Registry;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use crate::cache::{Aside, Ask, Cache, Head, Key, KeyRules, KeyShape, Lead, Lookup, Miss, Recall, Standing, Turn};
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::semantics::{Freshness, NoVarySearch, RequestHead, Selection, Wishes};

const QUERIES: [&str; 5] = ["", "?a=1", "?a=2", "?a=1&u=1", "?u=2&a=1"];
const RULES: [&str; 5] = ["", "params=(\"u\")", "except=()", "key-order, params=(\"u\")", "key-order"];
const DEVICES: [&str; 3] = ["", "phone", "tablet"];
const DEVICE: HeaderName = HeaderName::from_static("x-device");
const FIELD: HeaderName = HeaderName::from_static("no-vary-search");

/// One step of a history. Numbers choose from the lists above.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A request comes; it may have to fetch.
    Ask { query: usize, device: usize },
    /// The oldest fetch under way brings this rule.
    Answer { rule: usize },
    /// An unsafe request succeeds.
    Change { query: usize, device: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (query, device) = (0..QUERIES.len(), 0..DEVICES.len());
    let step = prop_oneof![
        4 => (query.clone(), device.clone()).prop_map(|(query, device)| Step::Ask { query, device }),
        4 => (0..RULES.len()).prop_map(|rule| Step::Answer { rule }),
        1 => (query, device).prop_map(|(query, device)| Step::Change { query, device }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A fetch as the model remembers it.
struct Fetched {
    query: usize,
    device: usize,
    began: usize,
    rule: Option<NoVarySearch>,
}

impl Fetched {
    fn answers(&self, query: usize) -> bool {
        let plain = |query: usize| QUERIES[query].strip_prefix('?');
        let equivalent = |rule: &NoVarySearch| rule.reduce(plain(self.query)) == rule.reduce(plain(query));
        self.query == query || self.rule.as_ref().is_some_and(equivalent)
    }
}

/// A cache and the model beside it.
struct World {
    cache: Cache,
    clock: Clock,
    rules: KeyRules,
    fetched: Vec<Fetched>,
    under_way: Vec<(Lead, usize)>,
    /// The query that changed, and when.
    changes: Vec<(usize, usize)>,
}

impl World {
    fn new() -> Self {
        let clock = Clock::set_to(Timestamp::from_unix(Duration::from_secs(1_000_000)));
        let config =
            config::parse("[[route]]\norigin = \"a\"\n[origins.a]\nservers = [\"http://a\"]", "t".as_ref(), &|_| None);
        let config = config.expect("a right configuration").cache;
        let cache = Cache::new(&config, clock.clone(), &Registry::new()).expect("a cache");
        let rules = KeyRules { headers: vec![DEVICE], ..KeyRules::default() };
        Self { cache, clock, rules, fetched: Vec::new(), under_way: Vec::new(), changes: Vec::new() }
    }

    fn request(&self, query: usize, device: usize) -> RequestHead {
        let device = (device > 0).then(|| (DEVICE, HeaderValue::from_static(DEVICES[device])));
        RequestHead {
            method: Method::GET,
            scheme: Scheme::HTTP,
            authority: "a.example".parse().expect("a test authority"),
            path: format!("/x{}", QUERIES[query]).parse().expect("a test path"),
            version: Version::HTTP_11,
            headers: HeaderMap::from_iter(device),
        }
    }

    fn ask(&mut self, now: usize, query: usize, device: usize) -> Result<(), TestCaseError> {
        let request = self.request(query, device);
        let key = self.cache.key(&request, &KeyShape { rules: &self.rules, origin: None, extra: None });
        let headers = &request.headers;
        let ask = Ask { headers, wishes: Wishes::default(), standing: &|_| Standing::Well, recall: &Recall::Unasked };
        match self.cache.lookup(&key, &ask, self.clock.now()).expect("there is no disk") {
            Lookup::Hit(entry) => {
                let fetched = &self.fetched[usize::from(entry.content.here().expect("in memory")[0])];
                prop_assert_eq!(fetched.device, device);
                prop_assert!(fetched.answers(query), "fetched for {}, given for {}", fetched.query, query);
                let changed = |(changed, when): &(usize, usize)| *when > fetched.began && fetched.answers(*changed);
                prop_assert!(!self.changes.iter().any(changed), "it changed since");
            }
            Lookup::Miss(Miss { turn: Turn::Lead(lead), .. }) => {
                self.under_way.push((lead, self.fetched.len()));
                self.fetched.push(Fetched { query, device, began: now, rule: None });
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, rule: usize) {
        if self.under_way.is_empty() {
            return;
        }
        let (lead, id) = self.under_way.remove(0);
        let mut headers = HeaderMap::new();
        if !RULES[rule].is_empty() {
            headers.insert(FIELD, HeaderValue::from_static(RULES[rule]));
        }
        self.fetched[id].rule = NoVarySearch::of(&headers);
        let mut filling = lead.fill(Head {
            status: StatusCode::OK,
            headers,
            freshness: Freshness { lifetime: Duration::from_secs(60), ..Freshness::default() },
            received: self.clock.now(),
            selection: Selection::default(),
            length: None,
            forms: None,
            aside: Aside::default(),
        });
        let id = u8::try_from(id).expect("a history is short");
        assert!(filling.push(Bytes::copy_from_slice(&[id])).now_or_never().is_some(), "a small body needs no waiting");
        assert!(filling.finish().now_or_never().is_some(), "nor does its end");
    }

    fn change(&mut self, now: usize, query: usize, device: usize) {
        let request = self.request(query, device);
        self.cache.invalidate(&Key::of(&request, &KeyShape { rules: &self.rules, origin: None, extra: None }));
        self.changes.push((query, now));
    }
}

proptest! {
    #![proptest_config(Config::with_cases(512))]

    #[test]
    fn no_history_leads_to_a_wrong_answer(steps in steps()) {
        let mut world = World::new();
        for (now, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask { query, device } => world.ask(now, query, device)?,
                Step::Answer { rule } => world.answer(rule),
                Step::Change { query, device } => world.change(now, query, device),
            }
        }
    }
}
