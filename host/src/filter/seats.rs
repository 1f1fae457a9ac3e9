//! The instances that one exchange has taken, one seat per filter entered.
//!
//! An `Ensemble` decides which filter is next and what its decision means; here one filter is entered, handed what there
//! is to see, and left, its time is measured, and what goes wrong is counted and logged.

use std::borrow::Cow;
use std::mem;
use std::task::Context;
use std::time::{Duration, Instant};

use http::response;

use super::bodies::direction::Direction;
use super::bodies::heads::Heads;
use super::bodies::piece::Piece;
use super::calls::outcall::Arrival;
use super::calls::table::CallTable;
use super::failure::{Broken, Callback, FailureKind, FilterFailure};
use super::instance::Loan;
use super::instance::decision::{Decision, Prospect};
use super::instance::parting::Parting;
use super::isolation::mailbox::{Letter, Mailbox};
use super::isolation::ticket::Ticket;
use super::notes::Notes;
use super::plugin::Plugin;
use super::rollout::breaker::Admission;
use super::state::{Moment, Standing, no_request};
use super::stream::{EndOfStream, Stream};
use super::verdict::LocalReply;
use crate::semantics::RequestHead;

pub(super) struct Seats {
    /// In request order; `None` for a filter that has failed.
    taken: Vec<Option<Ticket>>,
    /// Those that try a filter after its breaker was open; commonly none.
    probes: Vec<usize>,
    pub(super) calls: CallTable,
    /// Those whose contexts outlive the exchange.
    lingering: Vec<usize>,
    /// `None` only while a guest has them, or where there are no filters.
    notes: Option<Box<Notes>>,
    elapsed: Duration,
    /// When the callback at hand began. The end of one is the beginning of the next: reading the time costs 20 ns, as much
    /// as a short callback.
    watch: Instant,
}

impl Seats {
    /// Room for `count` filters.
    pub(super) fn new(count: usize, stream: Stream) -> Self {
        let notes = (count > 0).then(|| Box::new(Notes::new(stream)));
        Self {
            taken: Vec::with_capacity(count),
            probes: Vec::new(),
            calls: CallTable::default(),
            lingering: Vec::new(),
            notes,
            elapsed: Duration::ZERO,
            watch: Instant::now(),
        }
    }

    /// How many filters were entered, failed ones among them.
    pub(super) fn count(&self) -> usize {
        self.taken.len()
    }

    /// Whether a context has not ended yet.
    pub(super) fn any_taken(&self) -> bool {
        self.taken.iter().any(Option::is_some)
    }

    pub(super) fn notes(&self) -> Option<&Notes> {
        self.notes.as_deref()
    }

    pub(super) fn notes_mut(&mut self) -> Option<&mut Notes> {
        self.notes.as_deref_mut()
    }

    /// Tells that a filter has answered, and in its own word why.
    pub(super) fn replied(&mut self, reply: &LocalReply) {
        if let Some(notes) = &mut self.notes {
            notes.details = Some(Cow::Owned(reply.details.clone()));
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Begins to measure a row of callbacks.
    pub(super) fn start_watch(&mut self) {
        self.watch = Instant::now();
    }

    /// Takes the next seat with an instance of `plugin`, and hands it the request.
    pub(super) fn enter(
        &mut self,
        plugin: &Plugin,
        request: &mut RequestHead,
        end: EndOfStream,
    ) -> Result<Decision, FilterFailure> {
        self.admit(plugin)?;
        let mut ticket = plugin.admit();
        let awaited = ahead(plugin, Direction::Request, end) || ticket.mailbox.is_some();
        let prospect = if awaited { Prospect::Some } else { Prospect::None };
        let loan = Loan { notes: &mut self.notes, request, response: None, piece: None, end, prospect };
        let outcome = plugin.enter(&mut ticket, self.watch, |instance| instance.request_headers(loan));
        self.collect(self.taken.len());
        self.clock(plugin, Callback::RequestHeaders);
        self.taken.push(outcome.is_ok().then_some(ticket));
        outcome.map_err(|broken| self.failure(plugin, Callback::RequestHeaders, broken))
    }

    /// Leaves the next seat empty: its filter is not entered.
    pub(super) fn pass(&mut self) {
        self.taken.push(None);
    }

    /// Asks the breaker. A refusal has its log line where the breaker opened.
    fn admit(&mut self, plugin: &Plugin) -> Result<(), FilterFailure> {
        match plugin.breaker.admit() {
            Admission::Usual => return Ok(()),
            Admission::Probe => {
                self.probes.push(self.taken.len());
                return Ok(());
            }
            Admission::Refused => {}
        }
        self.pass();
        plugin.meters.count_failure(FailureKind::Breaker);
        plugin.tally.count_failure();
        let filter = plugin.profile.name.clone();
        Err(FilterFailure { filter, callback: Callback::RequestHeaders, kind: FailureKind::Breaker })
    }

    /// Hands the response to the filter in seat `index`, unless it has failed before.
    pub(super) fn answer(
        &mut self,
        index: usize,
        plugin: &Plugin,
        (request, response): (&mut RequestHead, &mut response::Parts),
        end: EndOfStream,
    ) -> Result<Decision, FilterFailure> {
        let prospect = if ahead(plugin, Direction::Response, end) { Prospect::Some } else { self.prospect(index) };
        let Some(ticket) = &mut self.taken[index] else {
            return Ok(Decision::Continue);
        };
        let loan = Loan { notes: &mut self.notes, request, response: Some(response), piece: None, end, prospect };
        let outcome = plugin.enter(ticket, self.watch, |instance| instance.response_headers(loan));
        self.collect(index);
        self.clock(plugin, Callback::ResponseHeaders);
        outcome.map_err(|broken| self.fail(index, plugin, (Callback::ResponseHeaders, broken)))
    }

    /// Hands a piece of a body, or what follows it, to `callback` of the filter in seat `index`, unless it has failed
    /// before. The guest may change it.
    pub(super) fn body(
        &mut self,
        index: usize,
        plugin: &Plugin,
        (callback, heads): (Callback, &mut Heads),
        (piece, end): (&mut Piece, EndOfStream),
    ) -> Result<Decision, FilterFailure> {
        let prospect = self.prospect(index);
        let Some(ticket) = &mut self.taken[index] else {
            return Ok(Decision::Continue);
        };
        let Heads { request, response } = heads;
        let (response, piece) = (response.as_mut(), Some(piece));
        let loan = Loan { notes: &mut self.notes, request, response, piece, end, prospect };
        let outcome = plugin.enter(ticket, self.watch, |instance| instance.body(loan, callback));
        self.collect(index);
        self.clock(plugin, callback);
        outcome.map_err(|broken| self.fail(index, plugin, (callback, broken)))
    }

    /// Hands the answer to a call to the filter in seat `index`, unless it has failed before. `heads` is lent to it where
    /// the exchange has left them here.
    pub(super) fn arrive(
        &mut self,
        index: usize,
        plugin: &Plugin,
        heads: Option<&mut Heads>,
        (arrival, standing): (Arrival, Standing),
    ) -> Result<Decision, FilterFailure> {
        let Some(ticket) = &mut self.taken[index] else {
            return Ok(Decision::Pause);
        };
        // An answer that nobody waits for resumes nothing, and is no pause. Who does wait in vain is found out later.
        let prospect = Prospect::Some;
        let moment = match (&heads, standing) {
            (None, _) => Moment::Done,
            (Some(heads), Standing::Lingering) => heads.last_moment(),
            (Some(Heads { response: None, .. }), _) => Moment::Request,
            (Some(Heads { response: Some(_), .. }), _) => Moment::Response,
        };
        let mut none = None;
        let Heads { request, response } = match heads {
            Some(heads) => heads,
            None => none.insert(Heads { request: no_request(), response: None }),
        };
        let end = EndOfStream::Yes;
        let loan = Loan { notes: &mut self.notes, request, response: response.as_mut(), piece: None, end, prospect };
        let outcome =
            plugin.enter(ticket, self.watch, |instance| instance.call_response(loan, (moment, standing), arrival));
        self.collect(index);
        self.clock(plugin, Callback::CallResponse);
        outcome.map_err(|broken| self.fail(index, plugin, (Callback::CallResponse, broken)))
    }

    /// Ends the context in seat `index`, unless it has failed. `heads` is lent to it where there is any to lend. One that
    /// waits for its calls stays, until `delete`.
    pub(super) fn leave(&mut self, index: usize, plugin: &Plugin, heads: Option<&mut Heads>) {
        if self.lingers(index) {
            return;
        }
        let prospect = self.prospect(index);
        let Some(mut ticket) = self.taken[index].take() else { return };
        let notes = &mut self.notes;
        let outcome = plugin.enter(&mut ticket, self.watch, |instance| instance.finish(notes, heads, prospect));
        self.collect(index);
        self.clock(plugin, Callback::Done);
        match outcome {
            Ok(Parting::Lingering) => {
                self.taken[index] = Some(ticket);
                self.lingering.push(index);
            }
            Ok(Parting::Deleted) => self.left(index, plugin, (ticket, Ok(()))),
            Err(broken) => self.left(index, plugin, (ticket, Err(broken))),
        }
    }

    /// Whether the context in seat `index` has outlived the exchange.
    pub(super) fn lingers(&self, index: usize) -> bool {
        self.lingering.contains(&index)
    }

    /// A seat whose context has outlived the exchange.
    pub(super) fn lingerer(&self) -> Option<usize> {
        self.lingering.first().copied()
    }

    /// Whether any of them may still be done.
    pub(super) fn any_lingerer_waits(&self) -> bool {
        self.lingering.iter().any(|index| self.expects(*index))
    }

    /// Deletes the context in seat `index`, which has outlived the exchange.
    pub(super) fn delete(&mut self, index: usize, plugin: &Plugin) {
        self.lingering.retain(|lingering| *lingering != index);
        let Some(mut ticket) = self.taken[index].take() else { return };
        let notes = &mut self.notes;
        let outcome = plugin.enter(&mut ticket, self.watch, |instance| instance.delete(notes));
        self.collect(index);
        self.clock(plugin, Callback::Done);
        self.left(index, plugin, (ticket, outcome));
    }

    fn prospect(&self, index: usize) -> Prospect {
        if self.expects(index) { Prospect::Some } else { Prospect::None }
    }

    /// Whether the filter in seat `index` may be let go on: by the answer to a call, or by others in its instance.
    pub(super) fn expects(&self, index: usize) -> bool {
        self.calls.has(index) || self.mailbox(index).is_some_and(Mailbox::is_open)
    }

    fn mailbox(&self, index: usize) -> Option<&Mailbox> {
        self.taken[index].as_ref()?.mailbox.as_deref()
    }

    /// What others in an instance wish of one of the filters, and its seat.
    pub(super) fn take_letter(&self) -> Option<(usize, Letter)> {
        (0..self.taken.len()).find_map(|index| Some((index, self.mailbox(index)?.take()?)))
    }

    /// What others in an instance have made of the heads that one of the filters held back.
    pub(super) fn release_heads(&self) -> Option<Box<Heads>> {
        // Only one of them holds it, and all show nothing from now on.
        (0..self.taken.len()).filter_map(|index| self.mailbox(index)?.release()).reduce(|_, heads| heads)
    }

    /// Has `cx` woken by the next letter.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        (0..self.taken.len()).filter_map(|index| self.mailbox(index)).for_each(|mailbox| mailbox.watch(cx));
    }

    /// Takes over the calls that the filter in seat `index` has made in its callback.
    fn collect(&mut self, index: usize) {
        if let Some(notes) = &mut self.notes
            && !notes.wished.is_empty()
        {
            self.calls.wish(index, mem::take(&mut notes.wished));
        }
    }

    /// Counts how the stay in seat `index` ended.
    fn left(&mut self, index: usize, plugin: &Plugin, (ticket, outcome): (Ticket, Result<(), Broken>)) {
        plugin.leave(ticket);
        match outcome {
            Ok(()) => {
                let admission = if self.probes.contains(&index) { Admission::Probe } else { Admission::Usual };
                plugin.note_end(admission, self.notes.as_ref().and_then(|notes| notes.status));
            }
            Err(broken) => drop(self.failure(plugin, Callback::Done, broken)),
        }
    }

    /// Gives up the context in seat `index` without entering the guest.
    pub(super) fn abandon(&mut self, index: usize, plugin: &Plugin) {
        if let Some(ticket) = self.taken[index].take() {
            plugin.leave(ticket);
        }
    }

    /// Takes the seat from a filter that has failed, and tells of it.
    pub(super) fn fail(
        &mut self,
        index: usize,
        plugin: &Plugin,
        (callback, broken): (Callback, Broken),
    ) -> FilterFailure {
        self.see_off(index, plugin);
        self.abandon(index, plugin);
        self.failure(plugin, callback, broken)
    }

    /// Ends a context whose filter failed although its guest did not, where others live on in that.
    fn see_off(&mut self, index: usize, plugin: &Plugin) {
        if !self.mailbox(index).is_some_and(Mailbox::is_open) {
            return;
        }
        let (notes, Some(ticket)) = (&mut self.notes, &mut self.taken[index]) else { return };
        let mut ended = plugin.enter(ticket, self.watch, |instance| instance.finish(notes, None, Prospect::None));
        if matches!(ended, Ok(Parting::Lingering)) {
            ended = plugin.enter(ticket, self.watch, |instance| instance.delete(notes)).map(|()| Parting::Deleted);
        }
        self.collect(index);
        self.clock(plugin, Callback::Done);
        if let Err(broken) = ended {
            drop(self.failure(plugin, Callback::Done, broken));
        }
    }

    fn clock(&mut self, plugin: &Plugin, callback: Callback) {
        let now = Instant::now();
        let spent = now.duration_since(self.watch);
        self.watch = now;
        self.elapsed += spent;
        if let Some(duration) = plugin.meters.duration(callback) {
            duration.observe(spent);
        }
    }

    /// Counts and logs what went wrong.
    fn failure(&self, plugin: &Plugin, callback: Callback, broken: Broken) -> FilterFailure {
        plugin.meters.count_failure(broken.kind);
        let callback = if broken.kind == FailureKind::Start { Callback::Start } else { callback };
        plugin.note_failure();
        let request_id = self.notes.as_ref().map_or("", |notes| &notes.stream.request_id);
        tracing::warn!(
            filter = %plugin.profile.name,
            version = %plugin.profile.version,
            callback = callback.word(),
            kind = broken.kind.word(),
            request_id,
            cause = broken.cause,
            backtrace = broken.backtrace,
            "filter failed"
        );
        FilterFailure { filter: plugin.profile.name.clone(), callback, kind: broken.kind }
    }
}

/// Whether a filter that pauses at a head will still see a body.
fn ahead(plugin: &Plugin, direction: Direction, end: EndOfStream) -> bool {
    end == EndOfStream::No && plugin.reads_ahead(direction)
}
