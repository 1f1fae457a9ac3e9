//! Many requests for one resource at once, and a change of the resource, or a client's leaving, in the middle of it.
//!
//! The origin answers when its gate opens. What is asked for before the change may get either; what is asked for after it
//! must not get what the origin was asked for before. Nobody hangs, and the origin is asked once for each variant.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use support::{Gate, Origin, RawClient, Response, TestNode};

use crate::event::{Change, Effect, HOSTS, Ranges, TARGETS};
use crate::purge::{Mode, Purge, Scope, Tags};
use crate::site::{CONFIRMED, EFFECT, SAID, Site};
use crate::terms::{Directives, Terms, Vary, percent};

/// Rounds of one sequence; what one leaves behind is where the next begins.
const ROUNDS: usize = 8;
const LIFETIME: u64 = 60;

type Tier = Option<&'static str>;

#[derive(Debug, Clone)]
struct Round {
    vary: Vary,
    /// By what the stored variants differ, which are validated one by one.
    before: Vary,
    shared: bool,
    early: Vec<Tier>,
    late: Vec<Tier>,
    middle: Middle,
}

/// What happens while the early ones wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Middle {
    Nothing,
    FirstLeaves,
    /// An unsafe request is answered before the gate opens.
    Changes,
    /// The gate opens while it is on its way.
    ChangesInTheRush,
    /// What is being fetched is purged, before the gate opens.
    Purges(Purge),
}

struct Rush {
    node: TestNode,
    origin: Origin,
    site: Arc<Mutex<Site>>,
    gate: Arc<Mutex<Gate>>,
}

/// Runs the rounds of this seed; says what went wrong.
pub(crate) async fn run(seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let rush = Rush::start().await;
    let mut before = Vary::Nothing;
    for number in 0..ROUNDS {
        let round = Round::random(&mut rng, before);
        // Older variants come to light again when what hid them is replaced.
        before = if round.vary == Vary::Tier { Vary::Tier } else { before };
        rush.round(&round).await.map_err(|fault| format!("round {number}: {fault}\n{round:?}"))?;
    }
    Ok(())
}

impl Round {
    fn random(rng: &mut Rng, before: Vary) -> Self {
        let tiers = |rng: &mut Rng, count: usize| -> Vec<Tier> {
            (0..count).map(|_| rng.choice([None, Some("a"), Some("b")]).expect("not empty")).collect()
        };
        let scopes =
            [Scope::All, Scope::Url(0), Scope::Host(HOSTS[0]), Scope::Prefix("http://test.example/a"), Scope::Tag(0)];
        let scope = rng.choice(scopes).expect("not empty");
        let purge = Purge { scope, mode: if rng.bool() { Mode::Hard } else { Mode::Soft } };
        let middles = [
            Middle::Nothing,
            Middle::FirstLeaves,
            Middle::Changes,
            Middle::ChangesInTheRush,
            Middle::Purges(purge),
            Middle::Purges(purge),
        ];
        let (early, late) = (rng.usize(2..7), rng.usize(1..5));
        Self {
            vary: if rng.bool() { Vary::Tier } else { Vary::Nothing },
            before,
            shared: !percent(rng, 20),
            early: tiers(rng, early),
            late: tiers(rng, late),
            middle: rng.choice(middles).expect("not empty"),
        }
    }

    fn terms(&self) -> Terms {
        let directives = Directives { no_store: !self.shared, max_age: Some(LIFETIME), ..Directives::default() };
        Terms { control: Some(directives), behind: Some(0), tags: Tags::of_bits(1), ..Terms::default() }
    }

    /// So many different answers do these requests select.
    fn variants(vary: Vary, tiers: &[Tier]) -> usize {
        if vary == Vary::Tier { tiers.iter().collect::<BTreeSet<_>>().len() } else { 1 }
    }

    /// How often the origin must be asked, and how often it may be.
    fn fetches(&self) -> (usize, usize) {
        let all = [&self.early[..], &self.late[..]].concat();
        let (least, most) = (
            |tiers| Self::variants(self.vary, tiers),
            |tiers| Self::variants(self.vary, tiers).max(Self::variants(self.before, tiers)),
        );
        match (self.shared, self.middle) {
            // Who leaves early may not have asked at all; a stored variant may be validated in between.
            (false, _) => (all.len() - 1, all.len() + 1),
            (true, Middle::Nothing) => (least(&all), most(&all)),
            (true, Middle::FirstLeaves) => (least(&all[1..]), most(&all)),
            // Who waited for another variant may look again only after the change. A purge takes a moment: what another
            // thread begins to fetch in its midst may count as older, and is fetched once more.
            (true, Middle::Purges(_)) => (least(&self.late), most(&self.early) + most(&all) + 1),
            (true, _) => (least(&self.late), most(&self.early) + most(&all)),
        }
    }
}

impl Rush {
    async fn start() -> Self {
        let origin = Origin::start().await;
        let terms = Terms::default();
        let changes =
            (0..TARGETS.len()).map(|target| Change { target, terms, content: None, ranges: Ranges::Honoured });
        let (site, gate) = (Arc::new(Mutex::new(Site::new(changes))), Arc::new(Mutex::new(Gate::closed())));
        origin.replying({
            let (site, gate) = (site.clone(), gate.clone());
            move |seen| {
                let answer = site.lock().expect("no panic").answer(seen);
                if seen.method == "GET" { answer.after(&gate.lock().expect("no panic")) } else { answer }
            }
        });
        let node = TestNode::before(&origin, "");
        Self { node, origin, site, gate }
    }

    async fn round(&self, round: &Round) -> Result<(), String> {
        // Everything stored is stale, and what could not be stored is forgotten.
        self.node.advance(Duration::from_secs(1_000));
        let gate = Gate::closed();
        *self.gate.lock().expect("no panic") = gate.clone();
        let asked = {
            let mut site = self.site.lock().expect("no panic");
            site.now += 1_000;
            site.change(&Change {
                target: 0,
                terms: round.terms(),
                content: Some((200, round.vary)),
                ranges: Ranges::Honoured,
            });
            site.said.len()
        };
        let mut early = self.ask(&round.early).await;
        self.origin.requests_reach(asked + 1).await;
        let changed = self.middle(round.middle, &gate, &mut early).await;
        let late = self.ask(&round.late).await;
        gate.open();
        for (mut client, tier) in early {
            right(&client.response().await, (round, tier), 0)?;
        }
        for (mut client, tier) in late {
            right(&client.response().await, (round, tier), changed)?;
        }
        self.node.metric_is("forebay_cache_fills_inflight", &[], 0.0).await;
        self.count(round, asked)?;
        self.afterwards(round, changed).await
    }

    async fn ask(&self, tiers: &[Tier]) -> Vec<(RawClient, Tier)> {
        let mut clients = Vec::new();
        for tier in tiers {
            let mut client = self.node.connect().await;
            let field = tier.map_or(String::new(), |tier| format!("X-Tier: {tier}\r\n"));
            client.send(format!("GET {} HTTP/1.1\r\nHost: test.example\r\n{field}\r\n", TARGETS[0])).await;
            clients.push((client, *tier));
        }
        clients
    }

    /// The number of the change that late clients must see; 0 where nothing changes.
    async fn middle(&self, middle: Middle, gate: &Gate, early: &mut Vec<(RawClient, Tier)>) -> u32 {
        match middle {
            Middle::Nothing => return 0,
            Middle::FirstLeaves => {
                early.remove(0);
                return 0;
            }
            Middle::Changes => {}
            Middle::ChangesInTheRush => gate.open(),
            Middle::Purges(purge) => {
                // What the origin said before it is purged. A slow client's request may be looked up after the purge and
                // answered before this test hears of it, and that answer is good.
                let known = self.site.lock().expect("no panic").said.len();
                let mut door = RawClient::connect(self.node.admin()).await;
                let json = [("Content-Type", "application/json")];
                let told = door.request("POST", "/v1/purge", &json, purge.body().as_bytes()).await;
                assert_eq!(told.status, 200, "{purge:?}");
                return u32::try_from(known + 1).expect("a round is short");
            }
        }
        let effect = Effect { status: 200, names: None, groups: Tags::default() }.value();
        let done = self.node.connect().await.request("POST", TARGETS[0], &[(EFFECT, &effect)], b"").await;
        number(&done, SAID)
    }

    fn count(&self, round: &Round, asked: usize) -> Result<(), String> {
        let site = self.site.lock().expect("no panic");
        let fetches = site.said[asked..].iter().filter(|said| said.method == "GET").count();
        let (least, most) = round.fetches();
        if (least..=most).contains(&fetches) {
            return Ok(());
        }
        Err(format!("{fetches} fetches, {least} to {most} are right: {:?}", &site.said[asked..]))
    }

    /// Once all is quiet, everybody gets what was fetched last from the store.
    async fn afterwards(&self, round: &Round, changed: u32) -> Result<(), String> {
        for tier in if round.shared { &round.late[..] } else { &[] } {
            let fields: Vec<(&str, &str)> = tier.iter().map(|tier| ("X-Tier", *tier)).collect();
            let response = self.node.get_with(TARGETS[0], &fields).await;
            right(&response, (round, *tier), changed)?;
            let told = response.header("cache-status").expect("the node says what it did");
            if !told.contains("; hit") {
                return Err(format!("{tier:?} was fetched and is not stored: {told}"));
            }
        }
        Ok(())
    }
}

fn number(response: &Response, field: &str) -> u32 {
    response.header(field).map_or(0, |value| value.parse().expect("a number"))
}

/// The variant that was asked for, whole, and not from before the change.
fn right(response: &Response, (round, tier): (&Round, Tier), changed: u32) -> Result<(), String> {
    let variant = crate::site::variant(round.vary, tier, None);
    let text = response.text();
    if response.status != 200 || !response.complete || !text.contains(&format!(" {variant} ")) {
        return Err(format!("{tier:?} got {} {text:?}", response.status));
    }
    let said = number(response, SAID).max(number(response, CONFIRMED));
    if said < changed {
        return Err(format!("{tier:?} got answer {said} after the change {changed}"));
    }
    Ok(())
}
