//! A filter as its settings made it, with the proxy's other side of it: clock, ticks, origins, log and metrics.

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
    /// # Panics
    /// If it is before 1970 or after 2554.
    pub fn set_now(&self, now: SystemTime) {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_nanos();
        self.world.borrow_mut().now_nanos = since_1970.try_into().expect("the ABI tells time from 1970 to 2554");
    }

    /// Plays a tick of [`Filter::TICK`].
    pub fn tick(&self) {
        calls::run(&mut self.world.borrow_mut(), || self.stage.tick(PLUGIN));
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

    /// The value of a counter or gauge, and of a histogram how many values it holds; 0 where there is no such metric.
    pub fn metric(&self, name: &str) -> i64 {
        self.world.borrow().metric(name).unwrap_or_default()
    }
}
