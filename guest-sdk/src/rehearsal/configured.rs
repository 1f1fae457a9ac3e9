//! A filter as its settings made it, and what a proxy has around it: clock, ticks, origins, log and metrics.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, SystemTime};

use crate::Filter;
use crate::host::Level;
use crate::rehearsal::called::Called;
use crate::rehearsal::calls;
use crate::rehearsal::message::Message;
use crate::rehearsal::world::World;
use crate::stage::Stage;

/// The plugin context; exchanges count on from it.
pub(crate) const PLUGIN: u32 = 1;

/// A configured filter without a proxy around it.
///
/// ```
/// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
/// # struct Count;
/// impl Filter for Count {
/// #     type Settings = ();
/// #     fn new((): ()) -> Self { Self }
///     fn on_request(&self, _: &mut Request) -> Flow {
///         forebay_sdk::metric::Counter::new("seen_total").increment();
///         Flow::Continue
///     }
/// }
/// let count = rehearse::<Count>("")?;
/// for path in ["a", "b"] { count.request(get(&format!("http://shop.example/{path}"))); }
/// assert_eq!(count.metric("seen_total"), 2);
/// # Ok::<(), String>(())
/// ```
pub struct Rehearsal<F> {
    pub(crate) stage: Stage<F>,
    pub(crate) world: RefCell<World>,
    pub(crate) last: Cell<u32>,
    pub(crate) origins: RefCell<Option<Box<Answering>>>,
}

/// What answers a filter's calls.
pub(crate) type Answering = dyn FnMut(&Called) -> Option<Message>;

impl<F: Debug> Debug for Rehearsal<F> {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.debug_struct("Rehearsal").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// Builds a filter from its settings in JSON; empty for none.
///
/// ```
/// use forebay_sdk::{prelude::*, rehearsal::rehearse};
///
/// #[derive(Deserialize)]
/// struct Settings { status: u16 }
///
/// struct Closed;
///
/// impl Filter for Closed {
///     type Settings = Settings;
///     fn new(_: Settings) -> Self { Self }
/// }
///
/// assert!(rehearse::<Closed>(r#"{ "status": 503 }"#).is_ok());
/// let fault = rehearse::<Closed>(r#"{ "status": "503" }"#).err();
/// assert_eq!(fault.as_deref(), Some(r#"settings.status: invalid type: string "503", expected u16"#));
/// ```
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
    /// Sets the time of day.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # use std::time::{Duration, SystemTime};
    /// # struct Sale;
    /// impl Filter for Sale {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, _: &mut Request) -> Flow {
    ///         let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    ///         if forebay_sdk::now() < end { Flow::Continue } else { Flow::reply(410) }
    ///     }
    /// }
    /// let sale = rehearse::<Sale>("")?;
    /// assert_eq!(sale.request(get("http://shop.example/")).reply(), None);
    /// sale.set_now(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    /// assert!(sale.request(get("http://shop.example/")).reply().is_some());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Panics
    /// If it is before 1970 or after 2554.
    pub fn set_now(&self, now: SystemTime) {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_nanos();
        self.world.borrow_mut().now_nanos = since_1970.try_into().expect("the ABI tells time from 1970 to 2554");
    }

    /// The time of day.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::rehearse};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// impl Filter for Quiet {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    /// }
    /// let quiet = rehearse::<Quiet>("")?;
    /// let start = quiet.now();
    /// assert_eq!(quiet.now(), start, "it stands still");
    /// quiet.set_now(start + Duration::from_secs(60));
    /// assert_eq!(quiet.now(), start + Duration::from_secs(60));
    /// # Ok::<(), String>(())
    /// ```
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.world.borrow().now_nanos)
    }

    /// Plays a tick of [`Filter::TICK`], and the answers to what is called in it.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::rehearse};
    /// # use std::time::Duration;
    /// # struct Alive;
    /// impl Filter for Alive {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     const TICK: Option<Duration> = Some(Duration::from_secs(10));
    ///     fn on_tick(&self) {
    ///         log::info("alive");
    ///     }
    /// }
    /// let alive = rehearse::<Alive>("")?;
    /// alive.tick();
    /// assert_eq!(alive.logs(), [(log::Level::Info, "alive".into())]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn tick(&self) {
        self.beside(|| self.stage.tick(PLUGIN));
    }

    /// Puts an item into a queue, as another filter would.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::rehearse, shared::Queue};
    /// # struct Lines;
    /// impl Filter for Lines {
    /// #     type Settings = ();
    ///     fn new((): ()) -> Self {
    ///         _ = Queue::open("lines");
    ///         Self
    ///     }
    ///     fn on_queue_ready(&self, queue: &Queue) {
    ///         if let Some(line) = queue.pop() { log::info(String::from_utf8_lossy(&line)); }
    ///     }
    /// }
    /// let lines = rehearse::<Lines>("")?;
    /// lines.enqueue("lines", "one");
    /// lines.play_queues();
    /// assert_eq!(lines.logs(), [(log::Level::Info, "one".into())]);
    /// # Ok::<(), String>(())
    /// ```
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
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::rehearse, shared::Queue};
    /// # struct Lines;
    /// impl Filter for Lines {
    /// #     type Settings = ();
    ///     fn new((): ()) -> Self {
    ///         _ = Queue::open("lines");
    ///         Self
    ///     }
    ///     fn on_queue_ready(&self, queue: &Queue) {
    ///         if let Some(line) = queue.pop() { log::info(String::from_utf8_lossy(&line)); }
    ///     }
    /// }
    /// let lines = rehearse::<Lines>("")?;
    /// for line in ["one", "two"] { lines.enqueue("lines", line); }
    /// lines.play_queues();
    /// assert_eq!(lines.logs().len(), 2, "it was called until nothing was left");
    /// # Ok::<(), String>(())
    /// ```
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
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::rehearse};
    /// # use std::time::Duration;
    /// # struct Alive;
    /// impl Filter for Alive {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     const TICK: Option<Duration> = Some(Duration::from_secs(10));
    /// }
    /// assert_eq!(rehearse::<Alive>("")?.ticks_every(), Some(Duration::from_secs(10)));
    /// # Ok::<(), String>(())
    /// ```
    pub fn ticks_every(&self) -> Option<Duration> {
        self.world.borrow().tick
    }

    /// Answers the filter's calls to other origins; `None` where one does not answer, as all do until this is set.
    ///
    /// ```
    /// # use forebay_sdk::{http, prelude::*, rehearsal::{get, rehearse, response}};
    /// # struct Door;
    /// impl Filter for Door {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         request.later(async |request| match http::call("auth").path(&request.path()).await {
    ///             Ok(answer) if answer.status() == 200 => Flow::Continue,
    ///             Ok(_) => Flow::reply(403),
    ///             Err(_) => Flow::reply(503),
    ///         })
    ///     }
    /// }
    /// let door = rehearse::<Door>("")?;
    /// let status = |path| door.request(get(path)).reply().map(|reply| reply.status());
    /// assert_eq!(status("http://shop.example/"), Some(503));
    /// door.on_call(|call| Some(response(if call.target() == "/" { 200 } else { 401 })));
    /// assert_eq!((status("http://shop.example/"), status("http://shop.example/admin")), (None, Some(403)));
    /// # Ok::<(), String>(())
    /// ```
    pub fn on_call(&self, answering: impl FnMut(&Called) -> Option<Message> + 'static) {
        *self.origins.borrow_mut() = Some(Box::new(answering));
    }

    /// What the filter logged so far.
    ///
    /// ```
    /// # use forebay_sdk::{prelude::*, rehearsal::{get, rehearse}};
    /// # struct Door;
    /// impl Filter for Door {
    /// #     type Settings = ();
    /// #     fn new((): ()) -> Self { Self }
    ///     fn on_request(&self, request: &mut Request) -> Flow {
    ///         if request.client().is_none() { log::warn("a client without an address"); }
    ///         Flow::Continue
    ///     }
    /// }
    /// let door = rehearse::<Door>("")?;
    /// door.request(get("http://shop.example/").property("source.address", ""));
    /// assert_eq!(door.logs(), [(log::Level::Warn, "a client without an address".into())]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.world.borrow().logs.clone()
    }

    /// The value of a counter or gauge, and of a histogram how many values it holds; 0 where there is no such metric.
    ///
    /// ```
    /// # use forebay_sdk::{metric::Counter, prelude::*, rehearsal::{get, rehearse}};
    /// # struct Count { seen: Counter }
    /// impl Filter for Count {
    /// #     type Settings = ();
    ///     fn new((): ()) -> Self {
    ///         Self { seen: Counter::new("seen_total") }
    ///     }
    ///     fn on_request(&self, _: &mut Request) -> Flow {
    ///         self.seen.increment();
    ///         Flow::Continue
    ///     }
    /// }
    /// let count = rehearse::<Count>("")?;
    /// count.request(get("http://shop.example/"));
    /// assert_eq!((count.metric("seen_total"), count.metric("unknown")), (1, 0));
    /// # Ok::<(), String>(())
    /// ```
    pub fn metric(&self, name: &str) -> i64 {
        self.world.borrow().metric(name).unwrap_or_default()
    }

    /// Plays a callback of the plugin itself, and the answers to what is called in it.
    fn beside(&self, callback: impl FnOnce()) {
        let mut world = self.world.borrow_mut();
        calls::run(&mut world, callback);
        self.settle(&mut world);
    }

    /// Answers all calls under way, also those whose answers nobody waits for.
    pub(crate) fn settle(&self, world: &mut World) {
        while self.answer_one(world) {}
    }

    /// Answers the first call under way, if there is one.
    pub(crate) fn answer_one(&self, world: &mut World) -> bool {
        let Some((id, called)) = world.under_way.pop_front() else { return false };
        let answer = self.origins.borrow_mut().as_mut().and_then(|origins| origins(&called));
        let (headers, bytes, trailers) = world.take_answer(answer.unwrap_or_default());
        calls::run(world, || self.stage.answered(id, headers, bytes, trailers));
        true
    }
}
