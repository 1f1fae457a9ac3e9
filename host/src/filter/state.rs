//! What an instance's store holds: everything host calls work on.
//!
//! Between callbacks it is empty of any exchange. For a callback the messages are moved in and afterwards moved out again
//! (`Instance`), so that host calls own what they change and nothing is copied.

use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Response, Version, response};
use wasmtime::{Memory, TypedFunc};

use super::abi::{BufferType, MapType, ROOT_CONTEXT, Status};
use super::bodies::piece::Piece;
use super::bounds::limiter::Limiter;
use super::bounds::overtime::Overtime;
use super::calls::outcall::{Ending, Outcall};
use super::draft::Draft;
use super::instance::wish::Wish;
use super::isolation::residents::Residents;
use super::loading::complaint::Complaint;
use super::measures::series::Series;
use super::messages::growth::Growth;
use super::messages::message::Message;
use super::notes::Notes;
use super::profile::Profile;
use super::recording::tape::Tape;
use crate::semantics::RequestHead;

/// Which host calls a guest may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// While it starts, and inside its allocator: logging, time, chance and what a language runtime asks of its system.
    Narrow,
    /// In every other callback.
    Open,
}

/// What is lent to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// No exchange, and nobody waits: the plugin is being configured.
    Start,
    /// No exchange: the plugin's own callbacks.
    Root,
    Request,
    /// The request too: it stays readable.
    Response,
    /// Both heads, to be read: the exchange is over.
    Log,
    /// The request's head, to be read: the exchange was over before there was a response.
    Abandoned,
    /// The notes alone: the messages have left.
    Done,
}

/// How an exchange is to the context at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    UnderWay,
    /// The head that its callback had has gone on meanwhile.
    Gone,
    /// Over; the guest was not done with it then.
    Lingering,
}

pub(super) struct State {
    pub(super) profile: Arc<Profile>,
    pub(super) limiter: Limiter,
    pub(super) gate: Gate,
    pub(super) memory: Option<Memory>,
    pub(super) malloc: Option<TypedFunc<u32, u32>>,
    pub(super) moment: Moment,
    pub(super) request: Draft<RequestHead>,
    pub(super) response: Draft<response::Parts>,
    /// The piece of a body that is lent.
    pub(super) piece: Piece,
    pub(super) notes: Option<Box<Notes>>,
    /// Calls of the plugin's own context that are not on their way yet.
    pub(super) wished: Vec<Outcall>,
    /// The answer to a call that is lent.
    pub(super) call: Option<Ending>,
    pub(super) standing: Standing,
    /// The context of the running callback.
    pub(super) context: u32,
    /// The context that host calls act for; a guest may change it.
    pub(super) effective: u32,
    pub(super) wish: Wish,
    /// The other contexts in a shared instance; nobody where exchanges are kept apart.
    pub(super) residents: Residents,
    /// Of the running callback.
    pub(super) growth: Growth,
    pub(super) log: LogBudget,
    /// What the guest said while it started.
    pub(super) complaint: Complaint,
    /// Of the running callback.
    pub(super) overtime: Overtime,
    /// This instance's copy of its filter's series.
    pub(super) series: Vec<Series>,
    /// Where values for the guest are put together; kept for its capacity.
    pub(super) scratch: Vec<u8>,
    /// Where the exchange is noted, if it is recorded.
    pub(super) tape: Option<Box<Tape>>,
}

/// What is left of a guest's log in one exchange.
#[derive(Debug, Default)]
pub(super) struct LogBudget {
    pub(super) used_bytes: u64,
    pub(super) dropped_bytes: u64,
    pub(super) dropped_lines: u64,
}

impl State {
    pub(super) fn new(profile: Arc<Profile>) -> Self {
        Self {
            limiter: Limiter::new(&profile.limits),
            profile,
            gate: Gate::Narrow,
            memory: None,
            malloc: None,
            moment: Moment::Start,
            request: Draft::new(no_request()),
            response: Draft::new(Response::new(()).into_parts().0),
            piece: Piece::default(),
            notes: None,
            wished: Vec::new(),
            call: None,
            standing: Standing::UnderWay,
            context: ROOT_CONTEXT,
            effective: ROOT_CONTEXT,
            wish: Wish::default(),
            residents: Residents::default(),
            growth: Growth::default(),
            log: LogBudget::default(),
            complaint: Complaint::default(),
            overtime: Overtime::default(),
            series: Vec::new(),
            scratch: Vec::new(),
            tape: None,
        }
    }

    /// Sets the scene for a callback of `context`.
    pub(super) fn begin(&mut self, context: u32, moment: Moment) {
        self.context = context;
        self.effective = context;
        self.moment = moment;
        self.wish = Wish::default();
        self.growth = Growth::default();
        self.overtime = Overtime::default();
        let undo = self.profile.undo();
        self.request.begin(undo);
        self.response.begin(undo);
        if let Some(notes) = &mut self.notes {
            notes.marks.begin(undo);
        }
    }

    /// Undoes what the callback changed, as far as that is kept.
    pub(super) fn revert(&mut self) {
        self.request.revert();
        self.response.revert();
        if let Some(notes) = &mut self.notes {
            notes.marks.revert();
            notes.wished.clear();
        }
    }

    /// Whether the guest has made a call in this callback.
    pub(super) fn has_wished(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| !notes.wished.is_empty())
    }

    /// The moment as seen by the effective context: a guest acting for its plugin, or for an exchange that is not at hand,
    /// sees none.
    pub(super) fn sight(&self) -> Moment {
        let at_hand = self.effective == self.context && self.context != ROOT_CONTEXT;
        if at_hand { self.moment } else { Moment::Root }
    }

    /// Whether the callback is about a message's head.
    pub(super) fn is_at_head(&self) -> bool {
        self.call.is_none() && self.piece.buffer == BufferType::Absent
    }

    /// Whether the guest acts for another exchange than the one at hand.
    pub(super) fn acts_for_other(&self) -> bool {
        self.effective != self.context && self.effective != ROOT_CONTEXT
    }

    /// What the effective context is wished: the exchange at hand, or another one; `None` where it is neither.
    pub(super) fn wish_mut(&mut self) -> Option<&mut Wish> {
        if self.acts_for_other() {
            return self.residents.wish_mut(self.effective);
        }
        self.notes().is_some().then_some(&mut self.wish)
    }

    pub(super) fn request(&self) -> Option<&RequestHead> {
        if self.acts_for_other() {
            return self.residents.heads(self.effective).map(|heads| &heads.request);
        }
        let lent = matches!(self.sight(), Moment::Request | Moment::Response | Moment::Log | Moment::Abandoned);
        lent.then(|| self.request.get())
    }

    pub(super) fn response(&self) -> Option<&response::Parts> {
        if self.acts_for_other() {
            return self.residents.heads(self.effective)?.response.as_ref();
        }
        matches!(self.sight(), Moment::Response | Moment::Log).then(|| self.response.get())
    }

    pub(super) fn notes(&self) -> Option<&Notes> {
        if self.sight() == Moment::Root { None } else { self.notes.as_deref() }
    }

    pub(super) fn notes_mut(&mut self) -> Option<&mut Notes> {
        if self.sight() == Moment::Root { None } else { self.notes.as_deref_mut() }
    }

    /// The message behind a map; `None` where it is not there now.
    pub(super) fn message(&self, map: MapType) -> Option<&dyn Message> {
        match map {
            MapType::RequestHeaders => self.request().map(|request| request as &dyn Message),
            MapType::ResponseHeaders => self.response().map(|response| response as &dyn Message),
            MapType::RequestTrailers | MapType::ResponseTrailers => {
                let lent = map == self.piece.map && self.sight() != Moment::Root;
                lent.then_some(&self.piece.trailers as &dyn Message)
            }
            MapType::CallHeaders => match &self.call {
                Some(Ok(answer)) => Some(&answer.parts),
                _ => None,
            },
            MapType::CallTrailers => match &self.call {
                Some(Ok(answer)) => answer.trailers.as_ref().map(|trailers| trailers as &dyn Message),
                _ => None,
            },
            MapType::Absent => None,
        }
    }

    /// The message behind a map, to be changed; `NotFound` where it is not there now.
    pub(super) fn message_mut(&mut self, map: MapType) -> Result<&mut dyn Message, Status> {
        if self.acts_for_other() {
            let heads = self.residents.heads_mut(self.effective);
            return heads.and_then(|heads| heads.message_mut(map)).ok_or(Status::NotFound);
        }
        match (map, self.sight()) {
            (MapType::RequestHeaders, Moment::Request | Moment::Response) => Ok(self.request.change()),
            (MapType::ResponseHeaders, Moment::Response) => Ok(self.response.change()),
            (MapType::RequestTrailers | MapType::ResponseTrailers, Moment::Request | Moment::Response)
                if map == self.piece.map =>
            {
                Ok(&mut self.piece.trailers)
            }
            _ => Err(Status::NotFound),
        }
    }
}

/// What stands in a request's place while none is lent.
pub(super) fn no_request() -> RequestHead {
    RequestHead {
        method: Method::GET,
        scheme: Scheme::HTTP,
        authority: Authority::from_static("none.invalid"),
        path: PathAndQuery::from_static("/"),
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
    }
}
