//! Between the ABI's callbacks and a [`Filter`]: which filter a context belongs to, and what its exchange remembers.
//!
//! [`export!`](crate::export) makes one stage per module, the rehearsal one per rehearsed filter. Nothing stays borrowed
//! while a filter runs, so a proxy that calls back in the middle of a callback finds the stage in order.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Formatter};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::body::End;
use crate::flow::Work;
use crate::host::{Buffer, Level, Map, Stream, calls};
use crate::memo::Memo;
use crate::shared::Queue;
use crate::{Body, Filter, Flow, Headers, Reply, Request, Response, http, log, settings, task};

#[cfg(target_arch = "wasm32")]
pub use crate::host::wasm::allocate;

/// What a callback returns; the number is the ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue = 0,
    /// Stop here: the filter has answered.
    Pause = 1,
}

/// What came of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    GoesOn,
    /// For more of a body, or for work.
    Waits,
    Replied,
}

impl From<Outcome> for Action {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::GoesOn => Self::Continue,
            Outcome::Waits | Outcome::Replied => Self::Pause,
        }
    }
}

/// The filters of a module and the exchanges they are in.
#[derive(Debug)]
pub struct Stage<F> {
    /// One per plugin context. Envoy runs two uses of one module with different settings in one instance.
    filters: RefCell<Vec<(u32, Rc<F>)>>,
    /// Exchanges with something to remember or, where there is more than one filter, to tell whose they are.
    exchanges: RefCell<Vec<Exchange>>,
    /// Exchanges that wait for work of their filter.
    waiting: RefCell<Vec<Waiting>>,
}

/// An exchange that waits.
struct Waiting {
    context: u32,
    stream: Stream,
    work: Work,
    /// Whether pieces of the body came meanwhile, which the filter is still to see.
    unseen: Cell<bool>,
}

impl Debug for Waiting {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.debug_struct("Waiting").field("context", &self.context).finish_non_exhaustive()
    }
}

/// What the stage knows of one stream context.
#[derive(Debug)]
struct Exchange {
    context: u32,
    plugin: Option<u32>,
    memo: Option<Memo>,
}

impl<F: Filter> Stage<F> {
    /// A stage without filters.
    #[expect(clippy::new_without_default, reason = "a static needs a const constructor; nothing needs a default")]
    pub const fn new() -> Self {
        Self {
            filters: RefCell::new(Vec::new()),
            exchanges: RefCell::new(Vec::new()),
            waiting: RefCell::new(Vec::new()),
        }
    }

    /// `proxy_on_context_create`: a plugin context has no parent.
    pub fn create(&self, context: u32, parent: u32) {
        if parent != 0 && self.filters.borrow().len() > 1 {
            self.exchanges.borrow_mut().push(Exchange { context, plugin: Some(parent), memo: None });
        }
    }

    /// `proxy_on_configure`: builds the filter of a plugin context; false where its settings are wrong.
    pub fn configure(&self, plugin: u32) -> bool {
        log_panics();
        http::speak_for(plugin);
        match settings::read(&calls::configuration()) {
            Ok(settings) => {
                let filter = Rc::new(F::new(settings));
                let mut filters = self.filters.borrow_mut();
                filters.retain(|(known, _)| *known != plugin);
                filters.push((plugin, filter));
                if let Some(period) = F::TICK {
                    calls::tick_every(period.as_millis().clamp(1, u32::MAX.into()) as u32);
                }
                calls::make_room();
                true
            }
            Err(fault) => {
                log::error(fault);
                false
            }
        }
    }

    /// `proxy_on_request_headers`.
    pub fn request(&self, context: u32) -> Action {
        let Some(filter) = self.filter(context) else { return Action::Continue };
        http::speak_for(context);
        let mut request = Request::new(None);
        let flow = filter.on_request(&mut request);
        self.keep(context, request.into_memo());
        self.act(context, Stream::Request, flow).into()
    }

    /// `proxy_on_response_headers`.
    pub fn response(&self, context: u32) -> Action {
        let Some(filter) = self.filter(context) else { return Action::Continue };
        http::speak_for(context);
        let mut response = Response::to(Request::new(self.memo(context)));
        let flow = filter.on_response(&mut response);
        // A response that takes this one's place comes through here again.
        self.keep(context, response.into_memo());
        self.act(context, Stream::Response, flow).into()
    }

    /// `proxy_on_request_body`.
    pub fn request_body(&self, context: u32, bytes: usize, end: bool) -> Action {
        self.body(context, Buffer::Request, bytes, if end { End::Reached } else { End::Ahead }).into()
    }

    /// `proxy_on_response_body`.
    pub fn response_body(&self, context: u32, bytes: usize, end: bool) -> Action {
        self.body(context, Buffer::Response, bytes, if end { End::Reached } else { End::Ahead }).into()
    }

    fn body(&self, context: u32, buffer: Buffer, bytes: usize, end: End) -> Outcome {
        let Some(filter) = self.filter(context) else { return Outcome::GoesOn };
        let stream = if buffer == Buffer::Request { Stream::Request } else { Stream::Response };
        // Some proxies show the body while the headers wait. What it let go would take them along undecided.
        let waits = self.see(context, stream, end);
        if waits && end == End::Ahead {
            return Outcome::Waits;
        }
        http::speak_for(context);
        let mut body = Body::new(buffer, bytes, end, Request::new(self.memo(context)));
        let flow = match stream {
            Stream::Request => filter.on_request_body(&mut body),
            Stream::Response => filter.on_response_body(&mut body),
        };
        self.keep(context, body.into_memo());
        let outcome = match flow {
            // At the end nothing comes that it could be held for; before it, work would decide about a part.
            Flow::Hold | Flow::Later(_) if end == End::Ahead => Outcome::Waits,
            flow => self.act(context, stream, flow),
        };
        match outcome {
            Outcome::GoesOn if waits => Outcome::Waits,
            Outcome::Replied => self.give_up(context, stream),
            outcome => outcome,
        }
    }

    /// Whether work has still to decide about this way of an exchange, which notes what the filter sees of the body.
    fn see(&self, context: u32, stream: Stream, end: End) -> bool {
        let waiting = self.waiting.borrow();
        let of_stream = waiting.iter().filter(|waiting| (waiting.context, waiting.stream) == (context, stream));
        of_stream.fold(false, |_, waiting| {
            waiting.unseen.set(end == End::Ahead);
            true
        })
    }

    /// `proxy_on_request_trailers`: they end the body, of which no piece was the last.
    pub fn request_trailers(&self, context: u32) -> Action {
        let trailers = |filter: &F| filter.on_request_trailers(&mut Headers::of(Map::RequestTrailers));
        self.end(context, (Buffer::Request, Stream::Request), trailers)
    }

    /// `proxy_on_response_trailers`: they end the body, of which no piece was the last.
    pub fn response_trailers(&self, context: u32) -> Action {
        let trailers = |filter: &F| filter.on_response_trailers(&mut Headers::of(Map::ResponseTrailers));
        self.end(context, (Buffer::Response, Stream::Response), trailers)
    }

    /// The end of a body, with all that was held back of it, and then what follows it.
    fn end(&self, context: u32, (buffer, stream): (Buffer, Stream), trailers: impl FnOnce(&F) -> Flow) -> Action {
        let Some(filter) = self.filter(context) else { return Action::Continue };
        let ended = self.body(context, buffer, calls::buffered(buffer), End::Reached);
        if ended == Outcome::Replied {
            return ended.into();
        }
        // Also while the body waits, as the trailers are not there any more when that is over.
        let outcome = match self.act(context, stream, trailers(&filter)) {
            Outcome::GoesOn => ended,
            Outcome::Waits => Outcome::Waits,
            Outcome::Replied => self.give_up(context, stream),
        };
        outcome.into()
    }

    /// `proxy_on_tick`.
    pub fn tick(&self, plugin: u32) {
        self.beside(plugin, F::on_tick);
    }

    /// `proxy_on_queue_ready`.
    pub fn queue_ready(&self, plugin: u32, queue: u32) {
        self.beside(plugin, |filter| filter.on_queue_ready(&Queue::known_as(queue)));
    }

    /// A callback of the plugin itself.
    fn beside(&self, plugin: u32, callback: impl FnOnce(&F)) {
        let filters = self.filters.borrow();
        let filter = filters.iter().find(|(known, _)| *known == plugin).map(|(_, filter)| Rc::clone(filter));
        drop(filters);
        if let Some(filter) = filter {
            http::speak_for(plugin);
            callback(&filter);
        }
    }

    /// `proxy_on_http_call_response`: work that waited for it goes on. What waits for another answer finds that out.
    pub fn answered(&self, call: u32, headers: usize, body_bytes: usize, trailers: usize) {
        let Some(context) = http::waits_for(call) else { return };
        // The proxy speaks to the plugin; what follows is about the exchange.
        calls::speak_for(context);
        http::speak_for(context);
        http::answered(call, headers, body_bytes, trailers);
        task::answered(context);
        let due = self.waiting.borrow().iter().filter(|waiting| waiting.context == context).count();
        for _ in 0..due {
            let mut waiting = self.waiting.borrow_mut();
            // Those that wait on go to the end, so that the first is always another.
            let Some(position) = waiting.iter().position(|waiting| waiting.context == context) else { return };
            let due = waiting.remove(position);
            drop(waiting);
            let (stream, unseen) = (due.stream, due.unseen.get());
            match self.go_on(due) {
                // What is unseen decides by itself, as a body does.
                Outcome::GoesOn if !unseen && !self.waits(context, stream) => calls::resume(stream),
                Outcome::Waits if unseen => _ = self.see(context, stream, End::Ahead),
                Outcome::GoesOn | Outcome::Waits => {}
                Outcome::Replied => _ = self.give_up(context, stream),
            }
        }
    }

    /// `proxy_on_delete`.
    pub fn delete(&self, context: u32) {
        self.exchanges.borrow_mut().retain(|exchange| exchange.context != context);
        self.waiting.borrow_mut().retain(|waiting| waiting.context != context);
        task::forget(context);
    }

    /// Whether work has still to decide about this way of an exchange.
    pub(crate) fn waits(&self, context: u32, stream: Stream) -> bool {
        self.waiting.borrow().iter().any(|waiting| (waiting.context, waiting.stream) == (context, stream))
    }

    /// Gives up what else would decide about this way of an exchange, now that it is answered.
    fn give_up(&self, context: u32, stream: Stream) -> Outcome {
        self.waiting.borrow_mut().retain(|other| (other.context, other.stream) != (context, stream));
        Outcome::Replied
    }

    fn act(&self, context: u32, stream: Stream, flow: Flow) -> Outcome {
        match flow {
            Flow::Continue | Flow::Hold => Outcome::GoesOn,
            Flow::Reply(given) => reply(&given),
            Flow::Later(later) => match later.take() {
                Some(work) => self.go_on(Waiting { context, stream, work, unseen: Cell::new(false) }),
                None => Outcome::GoesOn,
            },
        }
    }

    /// Goes on with work until it waits or is done. Nobody wakes it but the answer to one of its calls.
    fn go_on(&self, mut waiting: Waiting) -> Outcome {
        match waiting.work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((flow, memo)) => {
                self.keep(waiting.context, memo);
                self.act(waiting.context, waiting.stream, flow)
            }
            Poll::Pending => {
                self.waiting.borrow_mut().push(waiting);
                Outcome::Waits
            }
        }
    }

    fn memo(&self, context: u32) -> Option<Memo> {
        self.on_exchange(context, |exchange| exchange.memo.take()).flatten()
    }

    fn keep(&self, context: u32, memo: Option<Memo>) {
        if memo.is_none() {
            return;
        }
        let mut exchanges = self.exchanges.borrow_mut();
        match exchanges.iter_mut().rfind(|exchange| exchange.context == context) {
            Some(exchange) => exchange.memo = memo,
            None => exchanges.push(Exchange { context, plugin: None, memo }),
        }
    }

    fn on_exchange<T>(&self, context: u32, act: impl FnOnce(&mut Exchange) -> T) -> Option<T> {
        let mut exchanges = self.exchanges.borrow_mut();
        exchanges.iter_mut().rfind(|exchange| exchange.context == context).map(act)
    }

    fn filter(&self, context: u32) -> Option<Rc<F>> {
        let plugin = self.on_exchange(context, |exchange| exchange.plugin).flatten();
        let filters = self.filters.borrow();
        let of_plugin = filters.iter().find(|(known, _)| plugin.is_none_or(|plugin| plugin == *known));
        of_plugin.map(|(_, filter)| Rc::clone(filter))
    }
}

/// Holds at compile time, on every target, that what is exported is a filter.
pub const fn assert_filter<F: Filter>() {}

/// A reply that the proxy refuses, for a header or status that cannot be, still must not let the exchange go on.
fn reply(reply: &Reply) -> Outcome {
    if calls::reply(reply).is_err() {
        log::error(format_args!("the proxy refused the filter's reply with status {}; it sends 500", reply.status()));
        if let Flow::Reply(bare) = Flow::reply(500) {
            _ = calls::reply(&bare);
        }
    }
    Outcome::Replied
}

/// A panic ends the callback in a trap, which says nothing; its message goes to the log first. Put together by hand, as
/// the standard library's way to show a panic makes every module larger.
fn log_panics() {
    if cfg!(target_arch = "wasm32") {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("a panic");
            let (file, line) = panic.location().map_or(("", 0), |location| (location.file(), location.line()));
            calls::log(Level::Critical, &["panicked at ", file, ":", &line.to_string(), ": ", message].concat());
        }));
    }
}

#[cfg(test)]
mod tests;
