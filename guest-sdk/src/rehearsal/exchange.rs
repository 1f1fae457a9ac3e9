//! The rehearsal of one filter and the exchanges it is played.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::Filter;
use crate::host::Level;
use crate::rehearsal::calls;
use crate::rehearsal::message::Message;
use crate::rehearsal::world::World;
use crate::stage::{Action, Stage};

/// The plugin context; exchanges count on from it.
const PLUGIN: u32 = 1;

/// A configured filter without a proxy around it.
#[derive(Debug)]
pub struct Rehearsal<F> {
    stage: Stage<F>,
    world: RefCell<World>,
    last: Cell<u32>,
}

/// An exchange whose request the filter has seen.
#[derive(Debug)]
pub struct Exchange<'r, F: Filter> {
    rehearsal: &'r Rehearsal<F>,
    context: u32,
    request: Message,
    properties: BTreeMap<String, Vec<u8>>,
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
        return Ok(Rehearsal { stage, world: RefCell::new(world), last: Cell::new(PLUGIN) });
    }
    Err(world.logs.pop().map(|(_, fault)| fault).unwrap_or_default())
}

impl<F: Filter> Rehearsal<F> {
    /// Plays a request. A reply of the filter's own goes through its response callback too, as in a proxy.
    pub fn request(&self, request: Message) -> Exchange<'_, F> {
        self.last.set(self.last.get() + 1);
        let context = self.last.get();
        let mut exchange = Exchange { rehearsal: self, context, request, properties: BTreeMap::new(), reply: None };
        exchange.properties.extend(exchange.request.properties.iter().cloned());
        exchange.properties.entry("request\0id".into()).or_insert_with(|| format!("request-{context}").into());
        self.stage.create(context, PLUGIN);
        if let Some(reply) = exchange.play(Message::default(), || self.stage.request(context)).1 {
            let (answer, replaced) = exchange.play(reply, || self.stage.response(context));
            exchange.reply = Some(replaced.unwrap_or(answer));
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

    /// What the filter logged so far.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.world.borrow().logs.clone()
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

    /// What the filter added to the cache key, each as `name=value`.
    pub fn key_parts(&self) -> Vec<&str> {
        let parts = self.properties.get("forebay\0cache\0key").and_then(|parts| str::from_utf8(parts).ok());
        parts.map(|parts| parts.split('\n').collect()).unwrap_or_default()
    }

    /// Plays the response and tells what the client gets.
    ///
    /// # Panics
    /// If the filter answered the request, as then nobody else responds.
    #[track_caller]
    pub fn respond(mut self, response: Message) -> Message {
        self.sent();
        let (stage, context) = (&self.rehearsal.stage, self.context);
        let (answer, reply) = self.play(response, || stage.response(context));
        match reply {
            Some(reply) => self.play(reply, || stage.response(context)).0,
            None => answer,
        }
    }

    /// Runs one callback; the response as the callback left it, and the reply if there was one.
    fn play(&mut self, response: Message, callback: impl FnOnce() -> Action) -> (Message, Option<Message>) {
        let mut world = self.rehearsal.world.borrow_mut();
        world.response = response;
        std::mem::swap(&mut world.request, &mut self.request);
        std::mem::swap(&mut world.properties, &mut self.properties);
        let action = calls::run(&mut world, callback);
        std::mem::swap(&mut world.request, &mut self.request);
        std::mem::swap(&mut world.properties, &mut self.properties);
        let reply = world.reply.take();
        debug_assert_eq!(action == Action::Pause, reply.is_some(), "a filter stops an exchange only by a reply");
        (std::mem::take(&mut world.response), reply)
    }
}

impl<F: Filter> Drop for Exchange<'_, F> {
    fn drop(&mut self) {
        self.rehearsal.stage.delete(self.context);
    }
}
