//! The exchanges that a rehearsed filter is played.

use std::collections::BTreeMap;

use crate::Filter;
use crate::body::End;
use crate::host::Stream;
use crate::rehearsal::calls;
use crate::rehearsal::configured::{PLUGIN, Rehearsal};
use crate::rehearsal::message::Message;
use crate::rehearsal::passage::Passage;
use crate::rehearsal::verbs::Verbs;
use crate::rehearsal::world::World;
use crate::stage::{Action, Stage};

/// An exchange whose request the filter has seen.
///
/// ```
/// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse, response}};
/// # struct Door;
/// impl Filter for Door {
/// #     type Settings = ();
/// #     fn new((): ()) -> Self { Self }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if request.path() == "/admin" { Flow::reply(403) } else { Flow::Continue }
///     }
/// }
/// let door = rehearse::<Door>("")?;
/// let [refused, passed] = ["/admin", "/shop"].map(|path| door.request(get(&format!("http://shop.example{path}"))));
/// assert_eq!(refused.reply().map(|reply| reply.status()), Some(403));
/// assert_eq!(passed.sent().target(), "/shop");
/// assert_eq!(passed.respond(response(200)).status(), 200);
/// # Ok::<(), String>(())
/// ```
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
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Door;
    /// impl Filter for Door {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, _: &mut Request) -> Flow {
    ///         Flow::reply(403)
    ///     }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         response.headers_mut().set("x-edge", "1");
    ///         Flow::Continue
    ///     }
    /// }
    /// let door = rehearse::<Door>("")?;
    /// let exchange = door.request(get("http://shop.example/"));
    /// assert_eq!(exchange.reply().and_then(|reply| reply.header("x-edge")), Some("1"));
    /// # Ok::<(), String>(())
    /// ```
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
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Beta;
    /// impl Filter for Beta {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.set_path("/beta");
    ///         Flow::Continue
    ///     }
    /// }
    /// assert_eq!(rehearse::<Beta>("")?.request(get("http://shop.example/?a=b")).sent().target(), "/beta?a=b");
    /// # Ok::<(), String>(())
    /// ```
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
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Gone;
    /// impl Filter for Gone {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if request.path() == "/old" { Flow::reply(410) } else { Flow::Continue }
    ///     }
    /// }
    /// let gone = rehearse::<Gone>("")?;
    /// assert_eq!(gone.request(get("http://shop.example/old")).reply().map(|reply| reply.status()), Some(410));
    /// assert_eq!(gone.request(get("http://shop.example/new")).reply(), None);
    /// # Ok::<(), String>(())
    /// ```
    pub fn reply(&self) -> Option<&Message> {
        self.reply.as_ref()
    }

    /// The origin the filter chose.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Beta;
    /// impl Filter for Beta {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if request.cookie("beta").is_some() { request.set_origin("beta"); }
    ///         Flow::Continue
    ///     }
    /// }
    /// let beta = rehearse::<Beta>("")?;
    /// assert_eq!(beta.request(get("http://shop.example/").with("cookie", "beta=1")).origin(), Some("beta"));
    /// assert_eq!(beta.request(get("http://shop.example/")).origin(), None, "the one of the route");
    /// # Ok::<(), String>(())
    /// ```
    pub fn origin(&self) -> Option<&str> {
        str::from_utf8(self.properties.get("forebay\0origin")?).ok()
    }

    /// A property, by its name in the proxy's documentation.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Tenant;
    /// impl Filter for Tenant {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.set_property("tenant.name", "shop");
    ///         Flow::Continue
    ///     }
    /// }
    /// let tenant = rehearse::<Tenant>("")?;
    /// let exchange = tenant.request(get("http://shop.example/"));
    /// assert_eq!(exchange.property("tenant.name"), Some(&b"shop"[..]));
    /// # Ok::<(), String>(())
    /// ```
    pub fn property(&self, name: &str) -> Option<&[u8]> {
        self.properties.get(&name.replace('.', "\0")).map(Vec::as_slice)
    }

    /// What the filter said about the cache in the request's callbacks.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Staff;
    /// impl Filter for Staff {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if request.cookie("staff").is_some() { request.cache().bypass(); }
    ///         Flow::Continue
    ///     }
    /// }
    /// let staff = rehearse::<Staff>("")?;
    /// assert!(staff.request(get("http://shop.example/").with("cookie", "staff=1")).cache().is_bypassed());
    /// assert!(!staff.request(get("http://shop.example/")).cache().is_bypassed());
    /// # Ok::<(), String>(())
    /// ```
    pub fn cache(&self) -> &Verbs {
        &self.verbs
    }

    /// Plays the response and tells what the client gets.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse, response}};
    /// # struct Hide;
    /// impl Filter for Hide {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         response.headers_mut().remove("server");
    ///         Flow::Continue
    ///     }
    /// }
    /// let hide = rehearse::<Hide>("")?;
    /// let answer = hide.request(get("http://shop.example/")).respond(response(200).with("server", "origin/1.0"));
    /// assert_eq!((answer.status(), answer.header("server")), (200, None));
    /// # Ok::<(), String>(())
    /// ```
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
