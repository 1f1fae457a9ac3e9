//! A sequence of events, run against a node of its own; and the shortest one that still fails.
//!
//! With a disk tier the node is restarted now and then, so that what memory had must come from disk.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use support::{Gate, Origin, RawClient, Response, TestNode};

use crate::event::{Ask, Change, Condition, Event, HOSTS, Ranges, TARGETS};
use crate::judge::{Fault, judge};
use crate::ledger::{Exchange, Ledger};
use crate::purge::Purge;
use crate::rules::Sent;
use crate::site::{EFFECT, Site};
use crate::span::Span;
use crate::storage::Storage;
use crate::terms::{Terms, Vary};
use crate::told::Told;

/// Events of one sequence.
const EVENTS: usize = 60;

#[derive(Clone)]
pub(crate) struct Course {
    storage: Storage,
    /// What the resources are at first.
    start: Vec<Change>,
    events: Vec<Event>,
}

/// Where a sequence went wrong.
pub(crate) struct Failure {
    course: Course,
    at: usize,
    faults: Vec<Fault>,
    story: Vec<String>,
}

struct Run {
    /// `None` while it is being restarted.
    node: Option<TestNode>,
    origin: Origin,
    site: Arc<Mutex<Site>>,
    ledger: Ledger,
    story: Vec<String>,
}

impl Course {
    pub(crate) fn random(seed: u64, storage: Storage) -> Self {
        let mut rng = Rng::with_seed(seed);
        let start = |target| Change {
            target,
            terms: Terms::random(&mut rng),
            content: Some((200, Vary::random(&mut rng))),
            ranges: Ranges::random(&mut rng),
        };
        let start = (0..TARGETS.len()).map(start).collect();
        let event = |_| if storage.restarts(&mut rng) { Event::Restart } else { Event::random(&mut rng) };
        Self { storage, start, events: (0..EVENTS).map(event).collect() }
    }

    /// Runs it; in the end nothing hangs and nothing was wrong.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let mut run = Run::start(&self.start, self.storage).await;
        for (at, event) in self.events.iter().enumerate() {
            let faults = run.step(at, event).await;
            if !faults.is_empty() {
                return Err(Failure { course: self.clone(), at, faults, story: run.story });
            }
        }
        Ok(())
    }
}

impl Failure {
    /// The same with as few events as still fail: runs of them are left out, ever shorter ones.
    pub(crate) async fn shortest(mut self) -> Self {
        self.course.events.truncate(self.at + 1);
        let mut length = self.course.events.len() / 2;
        while length > 0 {
            let mut from = 0;
            while from + length < self.course.events.len() {
                let mut shorter = self.course.clone();
                shorter.events.drain(from..from + length);
                match shorter.run().await {
                    Err(failure) => {
                        self = failure;
                        self.course.events.truncate(self.at + 1);
                    }
                    Ok(()) => from += length,
                }
            }
            length /= 2;
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (target, change) in TARGETS.iter().zip(&self.course.start) {
            writeln!(f, "{target} is {change:?}")?;
        }
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "WRONG: {fault}"))
    }
}

impl Run {
    async fn start(start: &[Change], storage: Storage) -> Self {
        let origin = Origin::start().await;
        let site = Arc::new(Mutex::new(Site::new(start.iter().copied())));
        let answering = site.clone();
        origin.replying(move |seen| lock(&answering).answer(seen));
        let node = Some(storage.node(&origin));
        Self { node, origin, site, ledger: Ledger::default(), story: Vec::new() }
    }

    async fn step(&mut self, at: usize, event: &Event) -> Vec<Fault> {
        match event {
            Event::Ask(ask) => return self.ask(at, ask).await,
            Event::Advance(seconds) => {
                self.node().advance(Duration::from_secs(*seconds));
                lock(&self.site).now += seconds;
            }
            Event::Change(change) => lock(&self.site).change(change),
            Event::Purge(purge) => {
                self.purge(purge).await;
                let now = lock(&self.site).now;
                self.ledger.purge(purge, now);
            }
            Event::Restart => {
                let node = self.node.take().expect("it runs between two events");
                self.node = Some(node.restarted().await);
                self.ledger.restart();
            }
            Event::Trouble(target, trouble) => lock(&self.site).resources[*target].trouble = *trouble,
        }
        self.story.push(format!("{at}: {event:?}"));
        Vec::new()
    }

    fn node(&self) -> &TestNode {
        self.node.as_ref().expect("it runs between two events")
    }

    async fn ask(&mut self, at: usize, ask: &Ask) -> Vec<Fault> {
        let (said_before, now, sent) = {
            let site = lock(&self.site);
            let resource = &site.resources[ask.target];
            (site.said.len(), site.now, Sent::of(ask, (resource.version, resource.vary), site.now))
        };
        let fields = fields(ask, &sent);
        let borrowed: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let got = self.request(ask, &borrowed).await;
        self.settle(said_before, &got).await;
        let news = lock(&self.site).said[said_before..].to_vec();
        let told = Told::by(&got);
        let exchange = Exchange { ask, sent: &sent, now, got: &got, told, news: &news };
        self.story.push(format!("{at}: at {now} {} {} {borrowed:?}", ask.method, TARGETS[ask.target]));
        self.story.extend(news.iter().map(|said| format!("    the origin: {said:?}")));
        self.story.push(format!("    the client: {} {:?} {:?}", got.status, got.head.headers, got.text()));
        self.ledger.learn(&exchange);
        let faults = judge(&self.ledger, &exchange);
        self.ledger.conclude(&exchange);
        if let Some(purge) = &ask.meanwhile {
            self.story.push(format!("    meanwhile: {purge:?}"));
            self.ledger.purge_meanwhile(purge, now);
        }
        faults
    }

    /// The answer, with a purge as soon as the origin is asked, or after the answer where it is not.
    async fn request(&self, ask: &Ask, fields: &[(&str, &str)]) -> Response {
        let mut client = self.node().connect().await;
        let mut answer = std::pin::pin!(client.request(ask.method, TARGETS[ask.target], fields, b""));
        let Some(purge) = &ask.meanwhile else { return answer.await };
        let (gate, asked) = (Gate::closed(), self.origin.seen().len());
        lock(&self.site).gate = Some(gate.clone());
        let early = tokio::select! {
            got = &mut answer => Some(got),
            () = self.origin.requests_reach(asked + 1) => None,
        };
        self.purge(purge).await;
        gate.open();
        let got = match early {
            Some(got) => got,
            None => answer.await,
        };
        lock(&self.site).gate = None;
        got
    }

    async fn purge(&self, purge: &Purge) {
        let json = [("Content-Type", "application/json")];
        let mut door = RawClient::connect(self.node().admin()).await;
        let told = door.request("POST", "/v1/purge", &json, purge.body().as_bytes()).await;
        assert_eq!(told.status, 200, "{purge:?}: {}", told.text());
    }

    /// Waits for what goes on after the client has its answer: a refresh, and the storing itself.
    async fn settle(&self, said_before: usize, got: &support::Response) {
        let plain = got.header("cache-status").is_some_and(|told| told.contains("; hit") && !told.contains("detail"));
        if !plain || self.origin.seen().len() > said_before {
            self.node().metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        }
    }
}

fn fields(ask: &Ask, sent: &Sent) -> Vec<(&'static str, String)> {
    let mut fields = sent.fields();
    fields.push(("Host", HOSTS[ask.target].to_owned()));
    let mut add = |name, value: Option<String>| fields.extend(value.map(|value| (name, value)));
    add("X-Tier", ask.tier.map(str::to_owned));
    add("Accept-Language", ask.language.map(str::to_owned));
    add("Authorization", ask.authorized.then(|| "Basic eA==".to_owned()));
    add("Cache-Control", Some(ask.wishes.value()).filter(|value| !value.is_empty()));
    add("Range", ask.span.map(Span::value));
    add("If-Match", (ask.condition == Condition::Match).then(|| "\"any\"".to_owned()));
    let safe = matches!(ask.method, "GET" | "HEAD");
    add(EFFECT, (!safe).then(|| ask.effect.value()));
    fields
}

fn lock(site: &Mutex<Site>) -> MutexGuard<'_, Site> {
    site.lock().expect("the origin does not panic")
}
