//! Who runs a plugin's own callbacks: one task per plugin, one callback at a time.
//!
//! It is spawned with the plugin and outlives it by its end: when nobody holds the plugin any more, or the node ends, the
//! plugin's contexts are asked whether they are done, given time where they want it, and deleted.

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{self, Duration};

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::calls::outcall::Arrival;
use super::super::failure::{Broken, Callback, FailureKind};
use super::super::instance::Instance;
use super::super::isolation::quarters::{Absent, Own, Quarters, Turn};
use super::super::rollout::tally::Tally;
use super::occasion::{Consent, Occasion};
use super::pause::{Pause, Remedy};
use super::roots::Roots;

/// Messages that a plugin is told of in one turn: a turn copies what the guest has in memory, a message may be small.
const TURN_MAX: usize = 64;

/// How soon another try is made to give exchanges what a turn made of the plugin.
const PUBLISH_AGAIN: Duration = Duration::from_millis(50);

pub(in crate::filter) struct Keeper {
    quarters: Arc<Quarters>,
    tally: Arc<Tally>,
    ticks: Ticks,
    pause: Pause,
    /// Calls on their way, and which context made them.
    calls: JoinSet<(Own, Arrival)>,
}

/// Held by a plugin: its keeper ends it when this is dropped.
#[derive(Debug)]
pub(in crate::filter) struct Leash {
    _gone: oneshot::Sender<()>,
}

enum Event {
    Tick,
    QueueReady(u32),
    /// Contexts wish for calls.
    Calls,
    Answer(Own, Arrival),
    End,
}

impl Keeper {
    /// Runs the callbacks of a plugin until its leash is dropped or `roots` close.
    pub(in crate::filter) fn keep(quarters: Arc<Quarters>, tally: Arc<Tally>, roots: &Arc<Roots>) -> Leash {
        let (leash, gone) = oneshot::channel();
        let (ticks, pause) = (Ticks::default(), Pause::default());
        let mut keeper = Self { quarters, tally, ticks, pause, calls: JoinSet::new() };
        let closing = roots.clone();
        roots.spawn(async move {
            let end = async {
                tokio::select! {
                    _ = gone => {}
                    () = closing.closed() => {}
                }
            };
            keeper.serve(pin!(end)).await;
            keeper.part().await;
        });
        Leash { _gone: leash }
    }

    /// Runs what comes until `end`.
    async fn serve(&mut self, mut end: Pin<&mut impl Future<Output = ()>>) {
        loop {
            match self.next(end.as_mut()).await {
                Event::Tick => self.tick(),
                Event::QueueReady(queue) => self.tell(queue),
                Event::Calls => self.collect(),
                Event::Answer(own, arrival) => self.answer(own, arrival),
                Event::End => return,
            }
            // What follows at once must not keep other plugins waiting.
            tokio::task::yield_now().await;
        }
    }

    async fn next(&mut self, mut end: Pin<&mut impl Future<Output = ()>>) -> Event {
        let quarters = self.quarters.clone();
        loop {
            let now = Instant::now();
            self.ticks.heed(quarters.orders().period(), now, quarters.profile.limits.tick_min);
            let rest = self.pause.until(now);
            let event = if rest.is_some() { None } else { self.at_hand(now) };
            let again = (!quarters.publish()).then(|| now + PUBLISH_AGAIN);
            let wake = rest.or(self.ticks.due).into_iter().chain(again).min();
            tokio::select! {
                biased;
                () = end.as_mut() => return Event::End,
                Some(event) = ready(event) => return event,
                Some(Ok((own, arrival))) = self.calls.join_next(), if rest.is_none() => {
                    return Event::Answer(own, arrival);
                }
                () = until(wake) => {}
                () = quarters.orders().news() => {}
            }
        }
    }

    fn at_hand(&mut self, now: Instant) -> Option<Event> {
        if let Some(Ok((own, arrival))) = self.calls.try_join_next() {
            return Some(Event::Answer(own, arrival));
        }
        if self.ticks.due.is_some_and(|due| due <= now) {
            return Some(Event::Tick);
        }
        if self.quarters.orders().take_calls() {
            return Some(Event::Calls);
        }
        self.quarters.orders().take_ready().map(Event::QueueReady)
    }

    fn tick(&mut self) {
        for context in 0..self.quarters.own_contexts() {
            let own = Own::any(context);
            self.turn((Callback::Tick, own, Absent::Make), |instance| Occasion::Tick.run(instance));
        }
        self.ticks.over(Instant::now());
    }

    /// Tells the plugin of a queue until it is empty, or the plugin leaves what is in it.
    fn tell(&mut self, queue: u32) {
        let (occasion, profile) = (Occasion::QueueReady(queue), self.quarters.profile.clone());
        let queues = &profile.commons.queues;
        let (started, mut told) = (time::Instant::now(), 0);
        let more = self.turn((Callback::QueueReady, Own::any(0), Absent::Make), |instance| {
            loop {
                let before = queues.taken(queue);
                occasion.run(instance)?;
                told += 1;
                if queues.is_empty(queue) || queues.taken(queue) == before {
                    return Ok(false);
                }
                if told >= TURN_MAX || started.elapsed() >= profile.limits.callback_deadline {
                    return Ok(true);
                }
            }
        });
        // After a failure the queue is tried again when the pause is over.
        if more.unwrap_or(true) && !queues.is_empty(queue) {
            self.quarters.orders().ring(queue);
        }
    }

    /// The last callbacks.
    async fn part(&mut self) {
        let contexts = 0..self.quarters.own_contexts();
        let asked = contexts.clone().map(|context| self.last(Occasion::Done, context));
        let later = asked.filter(|consent| *consent == Some(Consent::Later)).count();
        if later > 0 {
            let (quarters, longest) = (self.quarters.clone(), self.quarters.profile.limits.done_max);
            quarters.orders().await_parting(later);
            let parted = async {
                if timeout(longest, quarters.orders().parted()).await.is_err() {
                    tracing::warn!(filter = %quarters.profile.name, "filter goes although it is not done");
                }
            };
            self.serve(pin!(parted)).await;
        }
        for context in contexts {
            self.last(Occasion::Delete, context);
        }
    }

    fn last(&mut self, occasion: Occasion, context: usize) -> Option<Consent> {
        self.turn((Callback::Done, Own::any(context), Absent::Leave), |instance| occasion.run(instance))
    }

    /// Lets `act` work in one of the plugin's own contexts; `None` where that failed, or there is none.
    fn turn<R>(
        &mut self,
        (callback, own, absent): (Callback, Own, Absent),
        act: impl FnOnce(&mut Instance) -> Result<R, Broken>,
    ) -> Option<R> {
        let started = time::Instant::now();
        let outcome = self.quarters.own(own, absent, act);
        if let Some(duration) = self.quarters.meters.duration(callback) {
            duration.observe(started.elapsed());
        }
        self.settle(callback, outcome)
    }

    /// Sends off the calls of a turn that ended well; `None` where it did not.
    fn settle<R>(&mut self, callback: Callback, outcome: Result<Option<Turn<R>>, Broken>) -> Option<R> {
        let turn = match outcome {
            Ok(turn) => turn?,
            Err(broken) => {
                self.failed(callback, &broken);
                return None;
            }
        };
        self.pause.succeeded();
        for call in turn.calls {
            let (own, token, dispatch) = (turn.own, call.token, self.quarters.profile.dispatch.clone());
            self.calls.spawn(async move { (own, Arrival { token, ending: call.perform(dispatch).await }) });
        }
        self.quarters.orders().fly(self.calls.len());
        Some(turn.outcome)
    }

    /// Sends off what contexts asked for while they were configured.
    fn collect(&mut self) {
        for context in 0..self.quarters.own_contexts() {
            let outcome = self.quarters.early_calls(context);
            self.settle(Callback::Start, outcome);
        }
    }

    fn answer(&mut self, own: Own, arrival: Arrival) {
        // There is room for one more, also in this callback.
        self.quarters.orders().fly(self.calls.len());
        self.turn((Callback::CallResponse, own, Absent::Leave), |instance| instance.own_answer(arrival));
    }

    /// Counts and logs what went wrong, and rests.
    fn failed(&mut self, callback: Callback, broken: &Broken) {
        if broken.kind == FailureKind::Lost {
            // The context that made the call went with its instance, and that was told of.
            return;
        }
        self.tell_of(callback, broken);
        let remedy = self.pause.failed(Instant::now());
        // A shared context that failed is gone with its instance, and the others are well.
        if remedy == Remedy::StartAnew && !self.quarters.are_shared() {
            // Answers are for the life that asked.
            self.calls = JoinSet::new();
            if let Err(broken) = self.quarters.start_anew() {
                self.tell_of(Callback::Start, &broken);
            }
        }
    }

    fn tell_of(&self, callback: Callback, broken: &Broken) {
        let profile = &self.quarters.profile;
        self.quarters.meters.count_failure(broken.kind);
        self.tally.count_failure();
        tracing::warn!(
            filter = %profile.name,
            version = %profile.version,
            callback = callback.word(),
            kind = broken.kind.word(),
            cause = broken.cause,
            backtrace = broken.backtrace,
            "filter failed by itself"
        );
    }
}

/// When the next tick is due.
#[derive(Debug, Default)]
struct Ticks {
    period: Option<Duration>,
    due: Option<Instant>,
}

impl Ticks {
    /// Takes what the plugin wants. Where that is nothing new, the tick that is due stays due.
    fn heed(&mut self, wanted: Option<Duration>, now: Instant, least: Duration) {
        let period = wanted.map(|wanted| wanted.max(least));
        if period != self.period {
            self.period = period;
            self.over(now);
        }
    }

    /// The next one counts from `now`: those that could not keep up are left out.
    fn over(&mut self, now: Instant) {
        self.due = self.period.map(|period| now + period);
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => pending().await,
    }
}
