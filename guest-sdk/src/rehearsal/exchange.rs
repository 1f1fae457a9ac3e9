//! The rehearsal of one filter and the exchanges it is played.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, SystemTime};

use crate::Filter;
use crate::body::End;
use crate::host::{Level, Stream};
use crate::rehearsal::called::Called;
use crate::rehearsal::calls;
use crate::rehearsal::message::Message;
use crate::rehearsal::passage::Passage;
use crate::rehearsal::verbs::Verbs;
use crate::rehearsal::world::World;
use crate::stage::{Action, Stage};

/// The plugin context; exchanges count on from it.
const PLUGIN: u32 = 1;

/// A configured filter without a proxy around it.
pub struct Rehearsal<F> {
    stage: Stage<F>,
    world: RefCell<World>,
    last: Cell<u32>,
    origins: RefCell<Option<Box<Answering>>>,
}

/// What answers a filter's calls.
type Answering = dyn FnMut(&Called) -> Option<Message>;

impl<F: Debug> Debug for Rehearsal<F> {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.debug_struct("Rehearsal").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// An exchange whose request the filter has seen.
#[derive(Debug)]
pub struct Exchange<'r, F: Filter> {
    rehearsal: &'r Rehearsal<F>,
    context: u32,
    request: Message,
    properties: BTreeMap<String, Vec<u8>>,
    verbs: Verbs,
    reply: Option<Message>,
}

/// Builds a filter from its settings in JSON; empty for none.
///
/// # Errors
/// What the operator would read in the log if the settings are wrong.
pub fn rehearse<F: Filter>(settings: &str) -> Result<Rehearsal<F>, String> {
    let (stage, mut world) = (Stage::new(), World::new(settings));
    let configured = calls::run(&mut world, || {
        stage.create(PLUGIN, 0);
        stage.configure(PLUGIN)
    });
    if configured {
        let (world, last) = (RefCell::new(world), Cell::new(PLUGIN));
        return Ok(Rehearsal { stage, world, last, origins: RefCell::new(None) });
    }
    Err(world.logs.pop().map(|(_, fault)| fault).unwrap_or_default())
}

impl<F: Filter> Rehearsal<F> {
    /// Plays a request. A reply of the filter's own goes through its response callback too, as in a proxy.
    pub fn request(&self, request: Message) -> Exchange<'_, F> {
        self.last.set(self.last.get() + 1);
        let context = self.last.get();
        let (properties, verbs) = (BTreeMap::new(), Verbs::default());
        let mut exchange = Exchange { rehearsal: self, context, request, properties, verbs, reply: None };
        exchange.properties.extend(exchange.request.properties.iter().cloned());
        exchange.properties.entry("request\0id".into()).or_insert_with(|| format!("request-{context}").into());
        self.stage.create(context, PLUGIN);
        if let Some(reply) = exchange.ask() {
            exchange.reply = Some(exchange.answer(reply));
        }
        exchange
    }

    /// Sets the time of day.
    ///
    /// # Panics
    /// If it is before 1970 or after 2554.
    pub fn set_now(&self, now: SystemTime) {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_nanos();
        self.world.borrow_mut().now_nanos = since_1970.try_into().expect("the ABI tells time from 1970 to 2554");
    }

    /// The time of day.
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.world.borrow().now_nanos)
    }

    /// Plays a tick of [`Filter::TICK`], and the answers to what is called in it.
    pub fn tick(&self) {
        self.beside(|| self.stage.tick(PLUGIN));
    }

    /// Puts an item into a queue, as another filter would.
    ///
    /// # Panics
    /// If the filter has opened no queue of this name.
    #[track_caller]
    pub fn enqueue(&self, queue: &str, item: impl AsRef<[u8]>) {
        let commons = &mut self.world.borrow_mut().commons;
        let queue = commons.find(queue).expect("the filter has opened this queue");
        commons.push(queue, item.as_ref()).expect("a rehearsal's queue has room");
    }

    /// Plays [`Filter::on_queue_ready`] for each queue with something in it, as the proxy does beside the exchanges: until
    /// it is empty or a callback takes nothing.
    pub fn play_queues(&self) {
        let queues = self.world.borrow().commons.lengths().len();
        for queue in 0..queues {
            let left = || self.world.borrow().commons.lengths()[queue];
            let mut before = usize::MAX;
            while (1..before).contains(&left()) {
                before = left();
                self.beside(|| self.stage.queue_ready(PLUGIN, queue as u32));
            }
        }
    }

    /// How often the filter asked to be called.
    pub fn ticks_every(&self) -> Option<Duration> {
        self.world.borrow().tick
    }

    /// Answers the filter's calls to other origins; `None` where one does not answer, as all do until this is set.
    pub fn on_call(&self, answering: impl FnMut(&Called) -> Option<Message> + 'static) {
        *self.origins.borrow_mut() = Some(Box::new(answering));
    }

    /// What the filter logged so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.world.borrow().logs.clone()
    }

    /// Plays a callback of the plugin itself, and the answers to what is called in it.
    fn beside(&self, callback: impl FnOnce()) {
        let mut world = self.world.borrow_mut();
        calls::run(&mut world, callback);
        self.settle(&mut world);
    }

    /// Answers all calls under way, also those whose answers nobody waits for.
    fn settle(&self, world: &mut World) {
        while self.answer_one(world) {}
    }

    /// Answers the first call under way, if there is one.
    fn answer_one(&self, world: &mut World) -> bool {
        let Some((id, called)) = world.under_way.pop_front() else { return false };
        let answer = self.origins.borrow_mut().as_mut().and_then(|origins| origins(&called));
        world.answer = answer.unwrap_or_default();
        world.answer.body = world.answer.chunks.concat();
        let (headers, bytes) = (world.answer.headers.len(), world.answer.body.len());
        let trailers = world.answer.trailers.len();
        calls::run(world, || self.stage.answered(id, headers, bytes, trailers));
        true
    }

    /// The value of a counter or gauge, and of a histogram how many values it holds; 0 where there is no such metric.
    pub fn metric(&self, name: &str) -> i64 {
        self.world.borrow().metric(name).unwrap_or_default()
    }
}

impl<F: Filter> Exchange<'_, F> {
    /// The request as it goes on to the cache and the origin.
    ///
    /// # Panics
    /// If the filter answered it.
    #[track_caller]
    pub fn sent(&self) -> &Message {
        if let Some(reply) = &self.reply {
            panic!("the filter sent nothing on: it answered {}", reply.status());
        }
        &self.request
    }

    /// What the filter answered in the origin's place.
    pub fn reply(&self) -> Option<&Message> {
        self.reply.as_ref()
    }

    /// The origin the filter chose.
    pub fn origin(&self) -> Option<&str> {
        str::from_utf8(self.properties.get("forebay\0origin")?).ok()
    }

    /// A property, by its name in the proxy's documentation.
    pub fn property(&self, name: &str) -> Option<&[u8]> {
        self.properties.get(&name.replace('.', "\0")).map(Vec::as_slice)
    }

    /// What the filter said about the cache in the request's callbacks.
    pub fn cache(&self) -> &Verbs {
        &self.verbs
    }

    /// Plays the response and tells what the client gets.
    ///
    /// # Panics
    /// If the filter answered the request, as then nobody else responds.
    #[track_caller]
    pub fn respond(mut self, response: Message) -> Message {
        self.sent();
        self.answer(response)
    }

    /// Plays the whole request; the reply if there was one.
    fn ask(&mut self) -> Option<Message> {
        let (stage, context) = (&self.rehearsal.stage, self.context);
        let mut reply = self.play(&mut Message::default(), || stage.request(context));
        let chunks = std::mem::take(&mut self.request.chunks);
        let mut body = Passage::of(chunks, last(&self.request));
        while let (None, Some((bytes, end))) = (&reply, body.next()) {
            reply = self.pass(&mut Message::default(), &mut body, |stage| stage.request_body(context, bytes, end));
        }
        if reply.is_none() && !self.request.trailers.is_empty() {
            reply = self.pass(&mut Message::default(), &mut body, |stage| stage.request_trailers(context));
        }
        self.request.body = body.into_sent();
        reply
    }

    /// Plays the whole response; what the client gets.
    fn answer(&mut self, mut response: Message) -> Message {
        // A reply in a response's place goes the same way, once.
        match self.tell(&mut response) {
            Some(mut reply) => {
                self.tell(&mut reply);
                reply
            }
            None => response,
        }
    }

    fn tell(&mut self, response: &mut Message) -> Option<Message> {
        let (stage, context) = (&self.rehearsal.stage, self.context);
        let mut reply = self.play(response, || stage.response(context));
        let mut chunks = std::mem::take(&mut response.chunks);
        if !response.body.is_empty() {
            chunks.insert(0, std::mem::take(&mut response.body));
        }
        let mut body = Passage::of(chunks, last(response));
        while let (None, Some((bytes, end))) = (&reply, body.next()) {
            reply = self.pass(response, &mut body, |stage| stage.response_body(context, bytes, end));
        }
        if reply.is_none() && !response.trailers.is_empty() {
            reply = self.pass(response, &mut body, |stage| stage.response_trailers(context));
        }
        response.body = body.into_sent();
        reply
    }

    /// Runs a body callback, with the bytes at hand where it looks for them.
    fn pass(
        &mut self,
        response: &mut Message,
        body: &mut Passage,
        callback: impl FnOnce(&Stage<F>) -> Action,
    ) -> Option<Message> {
        let (stage, context) = (&self.rehearsal.stage, self.context);
        let stream = if response.status() > 0 { Stream::Response } else { Stream::Request };
        self.rehearsal.world.borrow_mut().body = std::mem::take(&mut body.held);
        let mut holds = false;
        let reply = self.play(response, || {
            let action = callback(stage);
            // What waits for calls goes on when they are answered; what is held, with what comes next.
            let waits = stage.waits(context, stream);
            holds = action == Action::Pause && !waits;
            if waits { Action::Pause } else { Action::Continue }
        });
        let left = std::mem::take(&mut self.rehearsal.world.borrow_mut().body);
        if holds {
            body.held = left;
        } else {
            body.sent.extend(left);
        }
        reply
    }

    /// Runs one callback and what it waits for; the reply if there was one.
    fn play(&mut self, response: &mut Message, callback: impl FnOnce() -> Action) -> Option<Message> {
        let mut world = self.rehearsal.world.borrow_mut();
        let of_response = response.status() > 0;
        self.swap(&mut world, response);
        world.verbs = Verbs::default();
        world.resumed = false;
        if calls::run(&mut world, callback) == Action::Pause {
            while world.reply.is_none() && !world.resumed {
                assert!(self.rehearsal.answer_one(&mut world), "a filter that waits has called somebody");
            }
        }
        self.rehearsal.settle(&mut world);
        let verbs = std::mem::take(&mut world.verbs);
        self.swap(&mut world, response);
        let kept = if of_response { &mut response.verbs } else { &mut self.verbs };
        kept.extend(verbs);
        world.reply.take()
    }

    fn swap(&mut self, world: &mut World, response: &mut Message) {
        std::mem::swap(&mut world.response, response);
        std::mem::swap(&mut world.request, &mut self.request);
        std::mem::swap(&mut world.properties, &mut self.properties);
    }
}

/// Whether the last piece of a message's body ends it.
fn last(message: &Message) -> End {
    if message.trailers.is_empty() { End::Reached } else { End::Ahead }
}

impl<F: Filter> Drop for Exchange<'_, F> {
    fn drop(&mut self) {
        self.rehearsal.stage.delete(self.context);
    }
}
