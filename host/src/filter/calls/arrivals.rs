//! Calls going out of an ensemble, and their answers coming in.
//!
//! An answer enters the guest that asked, by itself and never in the midst of another callback: the ensemble is locked for
//! it, as for everything that enters a guest of this exchange. What the guest decides in it ends a wait, or comes to the
//! exchange at the next opportunity.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::super::bodies::direction::Direction;
use super::super::ensemble::{Ensemble, ResponsePhase, Shared, lock};
use super::super::failure::{Broken, Callback, FilterFailure};
use super::super::instance::decision::Decision;
use super::super::instance::wish::Wish;
use super::super::isolation::mailbox::Letter;
use super::super::state::Standing;
use super::super::stream::EndOfStream;
use super::super::verdict::Verdict;
use super::outcall::{Arrival, Ending};
use super::pauses::HeadPause;
use crate::config::OnError;

const TOO_LONG: &str = "the guest paused for longer than pause_max";

impl Ensemble {
    /// Sends off the calls that filters wished for since the last time; `home` is where their answers come to, as long as
    /// it is there. What was sent off is not called back: a filter may only want to tell somebody something.
    pub(in crate::filter) fn depart(&mut self, home: &Shared) {
        if !self.seats.calls.has_wishes() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            // Nothing can be sent from outside of a worker.
            self.seats.calls.drop_wishes();
            return;
        };
        for (seat, call) in self.seats.calls.depart() {
            let dispatch = self.plugins[seat].profile.dispatch.clone();
            let home = Arc::downgrade(home);
            runtime.spawn(async move {
                let token = call.token;
                let ending = call.perform(dispatch).await;
                if let Some(home) = home.upgrade() {
                    arrive(&home, seat, (token, ending));
                }
            });
        }
    }

    /// Hands an answer to the filter in `seat`.
    fn take_in(&mut self, seat: usize, (token, ending): (u32, Ending)) {
        if !self.seats.calls.land(seat, token) {
            return;
        }
        let plugin = self.plugins[seat].clone();
        self.seats.start_watch();
        let arrival = Arrival { token, ending };
        if self.seats.lingers(seat) {
            let heard = self.seats.arrive(seat, &plugin, self.left.as_deref_mut(), (arrival, Standing::Lingering));
            if matches!(heard, Ok(Decision::Done)) {
                self.seats.delete(seat, &plugin);
            }
            return;
        }
        let mut heads = self.kept.take();
        let standing = if self.pauses.head.is_some() { Standing::UnderWay } else { Standing::Gone };
        let heard = self.seats.arrive(seat, &plugin, heads.as_deref_mut(), (arrival, standing));
        self.kept = heads;
        match heard {
            Ok(decision) => self.follow(seat, decision),
            Err(failure) => self.heed(seat, failure),
        }
    }

    /// Does what was decided about the filter in `seat` outside of the callbacks that hand it a message.
    fn follow(&mut self, seat: usize, decision: Decision) {
        match decision {
            Decision::Pause | Decision::Done => self.give_up_if_stuck(seat),
            Decision::Continue => self.pauses.release(seat),
            Decision::Close => self.interrupt(Verdict::Close),
            Decision::Reply(reply) => {
                self.seats.replied(&reply);
                self.interrupt(Verdict::Reply(*reply));
            }
        }
    }

    /// Does what others in shared instances wish of the filters here.
    pub(in crate::filter) fn hear(&mut self) {
        while let Some((seat, letter)) = self.seats.take_letter() {
            match letter {
                Letter::Wish(wish) => self.do_wish(seat, wish),
                // The answer to a call finds out by itself.
                Letter::Lost if self.seats.calls.has(seat) => {}
                Letter::Lost => {
                    if let Some(callback) = self.waits_at(seat) {
                        self.give_up(seat, callback, Broken::lost());
                    }
                }
            }
        }
    }

    fn do_wish(&mut self, seat: usize, wish: Wish) {
        let lingers = self.seats.lingers(seat);
        match wish.decision() {
            Some(Decision::Done) if lingers => {
                let plugin = self.plugins[seat].clone();
                self.seats.start_watch();
                self.seats.delete(seat, &plugin);
            }
            Some(decision) if !lingers => self.follow(seat, decision),
            _ => {}
        }
    }

    /// Has `cx` woken when anything may go on.
    pub(in crate::filter) fn watch(&mut self, cx: &Context<'_>) {
        self.pauses.watch(cx);
        self.seats.watch(cx);
    }

    /// How the head that is held back goes on.
    pub(in crate::filter) fn poll_said(&mut self, cx: &Context<'_>) -> Poll<Verdict> {
        self.hear();
        match self.pauses.take_said() {
            Some(said) => Poll::Ready(said),
            None => {
                self.watch(cx);
                Poll::Pending
            }
        }
    }

    /// Ready when no context waits for anything any more.
    fn poll_lingerers(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.hear();
        if !self.seats.any_lingerer_waits() {
            return Poll::Ready(());
        }
        self.watch(cx);
        Poll::Pending
    }

    /// Fails a filter that waits for nothing.
    pub(in crate::filter) fn give_up_if_stuck(&mut self, seat: usize) {
        if let Some(callback) = self.waits_at(seat)
            && !self.seats.expects(seat)
        {
            self.give_up(seat, callback, Broken::never_resumed("the guest paused, and nothing can resume it"));
        }
    }

    /// Where a filter holds back what nothing but itself could let go on.
    fn waits_at(&self, seat: usize) -> Option<Callback> {
        let body = self.pauses.bodies.iter().find(|holding| holding.seat == seat && holding.end == EndOfStream::Yes);
        let waits = |head: &&HeadPause| head.said.is_none() && (!head.reads_ahead || body.is_some());
        let head = self.pauses.head.as_ref().filter(|head| head.seat == seat).filter(waits);
        head.map(|head| head.callback).or(body.map(|holding| holding.direction.callback()))
    }

    /// Fails whoever holds a head back where nothing can resume it.
    pub(in crate::filter) fn give_up_head_if_stuck(&mut self) {
        if let Some(seat) = self.pauses.head.as_ref().map(|head| head.seat) {
            self.give_up_if_stuck(seat);
        }
    }

    /// Fails whoever holds a head back, for having done so too long; how that goes on.
    pub(in crate::filter) fn overdue(&mut self) -> Verdict {
        if let Some((seat, callback)) = self.pauses.head.as_ref().map(|head| (head.seat, head.callback)) {
            self.give_up(seat, callback, Broken::never_resumed(TOO_LONG));
        }
        self.pauses.take_said().unwrap_or(Verdict::Continue)
    }

    /// Fails whoever holds a body back, for having done so too long.
    pub(in crate::filter) fn body_overdue(&mut self, direction: Direction) {
        let holder = self.pauses.bodies.iter().find(|holding| holding.direction == direction);
        if let Some(seat) = holder.map(|holding| holding.seat) {
            self.give_up(seat, direction.callback(), Broken::never_resumed(TOO_LONG));
        }
    }

    fn give_up(&mut self, seat: usize, callback: Callback, broken: Broken) {
        let failure = self.seats.fail(seat, &self.plugins[seat], (callback, broken));
        self.heed(seat, failure);
    }

    /// What a failed filter makes of its exchange.
    fn heed(&mut self, seat: usize, failure: FilterFailure) {
        match self.plugins[seat].profile.on_error {
            OnError::FailOpen => self.pauses.release(seat),
            OnError::FailClosed => self.interrupt(Verdict::Fail(failure)),
        }
    }

    /// Brings a decision to the exchange wherever it is: at a head that is held back, at a body on its way, or else before
    /// its response goes on. Where the response is out already, there is nothing left to decide.
    fn interrupt(&mut self, verdict: Verdict) {
        if let Some(head) = &mut self.pauses.head {
            head.said = Some(verdict);
        } else if self.response == ResponsePhase::Over || !self.pauses.bodies.is_empty() {
            self.ended = Some(verdict);
        } else {
            self.late = Some(verdict);
        }
    }
}

/// Keeps an ensemble for the contexts that outlive their exchange: until they are done, or have no answer to come, or for
/// as long as a pause may take.
pub(in crate::filter) fn outlive(home: &Shared, ensemble: &mut Ensemble) {
    let pause_max = ensemble.pause_max();
    let Ok(runtime) = Handle::try_current() else {
        ensemble.delete_lingerers();
        return;
    };
    let home = home.clone();
    runtime.spawn(async move {
        let gone = poll_fn(|cx| lock(&home).poll_lingerers(cx));
        // At the end of the time they are deleted all the same.
        let _ = tokio::time::timeout(pause_max, gone).await;
        let mut ensemble = lock(&home);
        ensemble.delete_lingerers();
        ensemble.depart(&home);
    });
}

/// Hands an answer to its guest, and wakes who waits for what follows from it.
fn arrive(home: &Shared, seat: usize, arrival: (u32, Ending)) {
    let mut ensemble = lock(home);
    ensemble.take_in(seat, arrival);
    ensemble.depart(home);
    let wakers = ensemble.pauses.take_wakers();
    drop(ensemble);
    wakers.into_iter().for_each(|waker| waker.wake());
}
