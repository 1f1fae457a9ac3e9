//! The exchanges that a rehearsed filter is played.

use std::collections::BTreeMap;

use crate::Filter;
use crate::body::End;
use crate::rehearsal::calls;
use crate::rehearsal::configured::{PLUGIN, Rehearsal};
use crate::rehearsal::message::Message;
use crate::rehearsal::passage::Passage;
use crate::rehearsal::verbs::Verbs;
use crate::rehearsal::world::World;
use crate::stage::{Action, Stage};

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
            reply = self.play(&mut Message::default(), || stage.request_trailers(context));
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
            reply = self.play(response, || stage.response_trailers(context));
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
        let stage = &self.rehearsal.stage;
        self.rehearsal.world.borrow_mut().body = std::mem::take(&mut body.held);
        let mut action = Action::Continue;
        let reply = self.play(response, || {
            action = callback(stage);
            Action::Continue
        });
        let left = std::mem::take(&mut self.rehearsal.world.borrow_mut().body);
        match action {
            Action::Continue => body.sent.extend(left),
            Action::Pause => body.held = left,
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
            self.wait(&mut world);
        }
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

    /// Answers a filter's calls until it has decided.
    fn wait(&self, world: &mut World) {
        let mut origins = self.rehearsal.origins.borrow_mut();
        while world.reply.is_none() && !world.resumed {
            let (id, called) = world.under_way.pop_front().expect("a filter that waits has called somebody");
            let answer = origins.as_mut().and_then(|origins| origins(&called));
            let (headers, bytes) = world.take_answer(answer.unwrap_or_default());
            calls::run(world, || self.rehearsal.stage.answered(id, headers, bytes));
        }
        world.under_way.clear();
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
