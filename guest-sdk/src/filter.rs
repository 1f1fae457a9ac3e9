//! The one trait of a filter: how it is built, and what it may see.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::shared::Queue;
use crate::{Body, Flow, Headers, Request, Response};

/// A filter: built once from its settings, then called for each request and response.
///
/// The proxy may hand every request a fresh copy of the filter as `new` left it, so nothing written to `self` (through
/// a cell) is certain to last. What one exchange must carry from its request to its response goes through
/// [`Request::remember`] and [`Response::recall`].
///
/// ```
/// use forebay_sdk::prelude::*;
/// use forebay_sdk::rehearsal::{get, rehearse, response};
///
/// #[derive(Deserialize)]
/// struct Settings { from: String, to: String }
///
/// struct Move { settings: Settings }
///
/// impl Filter for Move {
///     type Settings = Settings;
///     fn new(settings: Settings) -> Self { Self { settings } }
///     fn on_request(&self, request: &mut Request) -> Flow {
///         if request.path() == self.settings.from { Flow::redirect(308, &self.settings.to) } else { Flow::Continue }
///     }
///     fn on_response(&self, response: &mut Response) -> Flow {
///         if response.status() == 308 { response.headers_mut().set("cache-control", "max-age=60"); }
///         Flow::Continue
///     }
/// }
/// export!(Move);
///
/// # fn main() -> Result<(), String> {
/// let moved = rehearse::<Move>(r#"{ "from": "/old", "to": "/new" }"#)?;
/// let answer = moved.request(get("http://shop.example/old")).reply().cloned().unwrap_or_default();
/// assert_eq!((answer.header("location"), answer.header("cache-control")), (Some("/new"), Some("max-age=60")));
///
/// let fault = rehearse::<Move>(r#"{ "from": "/old" }"#).err();
/// assert_eq!(fault.as_deref(), Some("settings: missing field `to`"));
/// # Ok(())
/// # }
/// ```
pub trait Filter: 'static {
    /// What the operator writes under `[filters.NAME.settings]`; `()` for a filter that has none. Where nothing is
    /// written, it is read from an empty table. See [`settings`](crate::settings) for faults that name their key.
    type Settings: DeserializeOwned;

    /// How often [`Filter::on_tick`] is called; `None` for never.
    ///
    /// ```
    /// use forebay_sdk::metric::Gauge;
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::rehearse;
    /// use std::time::Duration;
    ///
    /// struct Alive { ticks: Gauge }
    ///
    /// impl Filter for Alive {
    ///     type Settings = ();
    ///     const TICK: Option<Duration> = Some(Duration::from_secs(10));
    ///     fn new((): ()) -> Self { Self { ticks: Gauge::new("alive_ticks") } }
    ///     fn on_tick(&self) { self.ticks.add(1); }
    /// }
    ///
    /// # fn main() -> Result<(), String> {
    /// let alive = rehearse::<Alive>("")?;
    /// assert_eq!(alive.ticks_every(), Some(Duration::from_secs(10)));
    /// alive.tick();
    /// assert_eq!(alive.metric("alive_ticks"), 1);
    /// # Ok(())
    /// # }
    /// ```
    const TICK: Option<Duration> = None;

    /// Builds the filter. Whatever can be wrong with the settings is found while they are read, so this cannot fail.
    fn new(settings: Self::Settings) -> Self;

    /// Sees a request's headers before the proxy looks into its cache.
    fn on_request(&self, _request: &mut Request) -> Flow {
        Flow::Continue
    }

    /// Sees a response's headers on their way to the client, also of a response that a filter itself made.
    fn on_response(&self, _response: &mut Response) -> Flow {
        Flow::Continue
    }

    /// Sees a piece of a request's body, where the filter is exported with `request_body`; see [`Body`].
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{rehearse, request}};
    /// # struct Small;
    /// impl Filter for Small {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request_body(&self, body: &mut Body) -> Flow {
    ///         if body.len() > 4 { Flow::reply(413) } else { Flow::Continue }
    ///     }
    /// }
    /// export!(Small: request_body);
    /// # fn main() -> Result<(), String> {
    /// let small = rehearse::<Small>("")?;
    /// let upload = |piece| small.request(request("PUT", "http://shop.example/").chunk(piece)).reply().is_some();
    /// assert_eq!((upload("four"), upload("fives")), (false, true));
    /// # Ok(())
    /// # }
    /// ```
    fn on_request_body(&self, _body: &mut Body) -> Flow {
        Flow::Continue
    }

    /// Sees a piece of a response's body, where the filter is exported with `response_body`; see [`Body`].
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse, response}};
    /// # struct Sign;
    /// impl Filter for Sign {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_response(&self, response: &mut Response) -> Flow {
    ///         response.headers_mut().remove("content-length");
    ///         Flow::Continue
    ///     }
    ///     fn on_response_body(&self, body: &mut Body) -> Flow {
    ///         if body.is_end() { body.append("-- edge\n"); }
    ///         Flow::Continue
    ///     }
    /// }
    /// export!(Sign: response_body);
    /// # fn main() -> Result<(), String> {
    /// let answer = rehearse::<Sign>("")?.request(get("http://shop.example/")).respond(response(200).chunk("hi\n"));
    /// assert_eq!(answer.body(), b"hi\n-- edge\n");
    /// # Ok(())
    /// # }
    /// ```
    fn on_response_body(&self, _body: &mut Body) -> Flow {
        Flow::Continue
    }

    /// Sees what follows a request's body, where the filter is exported with `request_trailers`.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{rehearse, request}};
    /// # struct Sum;
    /// impl Filter for Sum {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request_trailers(&self, trailers: &mut Headers) -> Flow {
    ///         if trailers.get("x-sum").is_none() { Flow::reply(400) } else { Flow::Continue }
    ///     }
    /// }
    /// export!(Sum: request_trailers);
    /// # fn main() -> Result<(), String> {
    /// let sum = rehearse::<Sum>("")?;
    /// let upload = |name| sum.request(request("PUT", "http://shop.example/").chunk("a").trailer(name, "1"));
    /// assert!(upload("x-sum").reply().is_none() && upload("x-other").reply().is_some());
    /// # Ok(())
    /// # }
    /// ```
    fn on_request_trailers(&self, _trailers: &mut Headers) -> Flow {
        Flow::Continue
    }

    /// Sees what follows a response's body, where the filter is exported with `response_trailers`.
    ///
    /// ```
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse, response};
    ///
    /// struct Quiet;
    ///
    /// impl Filter for Quiet {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self }
    ///     fn on_response_trailers(&self, trailers: &mut Headers) -> Flow {
    ///         trailers.remove("x-debug");
    ///         Flow::Continue
    ///     }
    /// }
    /// export!(Quiet: response_trailers);
    ///
    /// # fn main() -> Result<(), String> {
    /// let sent = response(200).chunk("body").trailer("x-debug", "1").trailer("x-sum", "2");
    /// let answer = rehearse::<Quiet>("")?.request(get("http://shop.example/")).respond(sent);
    /// assert_eq!((answer.trailers("x-debug"), answer.trailers("x-sum")), (vec![], vec!["2"]));
    /// # Ok(())
    /// # }
    /// ```
    fn on_response_trailers(&self, _trailers: &mut Headers) -> Flow {
        Flow::Continue
    }

    /// Called every [`Filter::TICK`], outside any exchange; [`spawn`](crate::spawn) calls origins from it.
    fn on_tick(&self) {}

    /// Called while there is something in a queue that this filter has opened, outside any exchange, where the filter is
    /// exported with `queues`.
    ///
    /// ```
    /// use forebay_sdk::metric::Counter;
    /// use forebay_sdk::prelude::*;
    /// use forebay_sdk::rehearsal::{get, rehearse};
    /// use forebay_sdk::shared::Queue;
    ///
    /// struct Missed { queue: Option<Queue>, bytes: Counter }
    ///
    /// impl Filter for Missed {
    ///     type Settings = ();
    ///     fn new((): ()) -> Self { Self { queue: Queue::open("missed").ok(), bytes: Counter::new("missed_bytes") } }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if let Some(queue) = self.queue { _ = queue.push(request.path()); }
    ///         Flow::Continue
    ///     }
    ///     fn on_queue_ready(&self, queue: &Queue) {
    ///         while let Some(path) = queue.pop() { self.bytes.add(path.len() as u32); }
    ///     }
    /// }
    /// export!(Missed: queues);
    ///
    /// # fn main() -> Result<(), String> {
    /// let missed = rehearse::<Missed>("")?;
    /// missed.request(get("http://shop.example/a"));
    /// missed.enqueue("missed", "/from/another/filter");
    /// missed.play_queues();
    /// assert_eq!(missed.metric("missed_bytes"), 22);
    /// # Ok(())
    /// # }
    /// ```
    fn on_queue_ready(&self, _queue: &Queue) {}
}
