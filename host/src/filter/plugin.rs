//! A plugin: one configured filter, ready to make instances.
//!
//! Loading one starts a first instance, so that a bad module or bad settings are known before any request. `enter` and
//! `leave` are an exchange's way to an instance.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{fmt, mem};

use http::StatusCode;

use super::abi::ROOT_CONTEXT;
use super::bodies::direction::Direction;
use super::failure::Broken;
use super::instance::Instance;
use super::isolation::berth::{self, Act, Berth};
use super::isolation::image::Image;
use super::isolation::ticket::{Stay, Ticket};
use super::loading::interests::Interests;
use super::loading::load_error::LoadFault;
use super::loading::module::Module;
use super::loading::workshop::Workshop;
use super::measures::metrics::{Making, Meters};
use super::profile::Profile;
use super::rollout::breaker::{Admission, Breaker, Change};
use super::rollout::tally::Tally;
use super::rollout::version::Version;
use crate::config::{self, Filter, FilterCondition, FilterLimits, HeaderPause};
use crate::worker;

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Meters,
    pub(super) interests: Interests,
    pub(super) identity: Identity,
    pub(super) breaker: Breaker,
    pub(super) tally: Tally,
    contexts: AtomicU32,
    module: Module,
    isolation: Isolation,
    berths: Box<[Slot]>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", &self.profile.name).finish_non_exhaustive()
    }
}

/// How exchanges are kept apart.
enum Isolation {
    /// Each finds the image; the names are those of the exported globals.
    Image(Arc<Image>, Arc<[String]>),
    /// Each has an instance to itself, started for it.
    Exclusive,
    /// They are not.
    Shared,
}

/// On cache lines of its own: workers never wait for each other's.
#[repr(align(128))]
#[derive(Default)]
struct Slot(Mutex<Berth>);

impl Slot {
    /// A panic under the lock leaves an instance that may be anything.
    fn lock(&self) -> MutexGuard<'_, Berth> {
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut berth = poisoned.into_inner();
            berth.vacate(Making::Failed);
            self.0.clear_poison();
            berth
        })
    }
}

/// What makes one plugin another: where none of it changes, a reload keeps the plugin.
#[derive(PartialEq, Eq)]
pub(super) struct Identity {
    version: Version,
    /// Without what does not concern a running instance.
    filter: Filter,
    limits: FilterLimits,
}

impl Identity {
    pub(super) fn new(version: Version, filter: &Filter, limits: &FilterLimits) -> Self {
        let filter = Filter {
            module: PathBuf::new(),
            sha256: None,
            condition: FilterCondition::default(),
            canary: None,
            ..filter.clone()
        };
        Self { version, filter, limits: limits.clone() }
    }
}

impl Plugin {
    /// A plugin of `filter`, configured on a first instance: no exchange waits for it.
    pub(super) fn load(filter: &Filter, module: Module, workshop: &Workshop<'_>) -> Result<Self, LoadFault> {
        let Workshop { limits, environment, .. } = workshop;
        let profile = Arc::new(Profile::new(filter, (module.version, module.abi), limits, environment));
        let meters = environment.metrics.of(&filter.name);
        let mut first = Instance::start(&profile, &module.code)?;
        let isolation = match filter.isolation {
            config::Isolation::Shared => Isolation::Shared,
            config::Isolation::Request => by_request(&mut first, &profile, &module),
        };
        Ok(Self {
            interests: Interests::of(module.code.module()),
            identity: Identity::new(module.version, filter, limits),
            breaker: Breaker::new(&profile, meters.breaker.clone()),
            tally: Tally::default(),
            meters,
            profile,
            contexts: AtomicU32::new(ROOT_CONTEXT + 1),
            module,
            isolation,
            berths: (0..environment.workers.max(1)).map(|_| Slot::default()).collect(),
        })
    }

    /// What it is made of, for other plugins.
    pub(super) fn module(&self) -> Module {
        self.module.clone()
    }

    /// Whether it sees this body while it holds the head of its message back.
    pub(super) fn reads_ahead(&self, direction: Direction) -> bool {
        self.profile.header_pause == HeaderPause::Headers && self.interests.in_body(direction)
    }

    /// Counts an exchange that it failed.
    pub(super) fn note_failure(&self) {
        self.tally.count_failure();
        if self.breaker.failed() == Change::Opened {
            let Profile { name, version, .. } = &*self.profile;
            tracing::error!(filter = %name, %version, "breaker open: the filter is not entered for a while");
        }
    }

    /// Counts an exchange that ended well in it, with the status of the response.
    pub(super) fn note_end(&self, admission: Admission, status: Option<StatusCode>) {
        self.tally.count_end(status);
        if self.breaker.succeeded(admission) == Change::Closed {
            let Profile { name, version, .. } = &*self.profile;
            tracing::info!(filter = %name, %version, "breaker closed: the filter is entered again");
        }
    }

    /// The ticket of an exchange that comes to this filter.
    pub(super) fn admit(&self) -> Ticket {
        Ticket::new(self.next_context(), worker::slot(self.berths.len()))
    }

    /// After four billion exchanges the numbers come again: those of then are long over.
    fn next_context(&self) -> u32 {
        loop {
            let context = self.contexts.fetch_add(1, Ordering::Relaxed);
            if context > ROOT_CONTEXT {
                return context;
            }
        }
    }

    /// Lets `act` work on the instance in which the context of `ticket` lives. After an error the ticket is void: the
    /// instance is gone, or no longer knows the context, and it must not be entered again.
    pub(super) fn enter<R>(&self, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
        match (mem::replace(&mut ticket.stay, Stay::New), &self.isolation) {
            (Stay::Own(instance), _) => enter_own(instance, ticket, act),
            (Stay::New, Isolation::Exclusive) => enter_own(self.make(Making::Exclusive)?, ticket, act),
            (stay, isolation) => {
                ticket.stay = stay;
                let mut berth = self.berths[ticket.berth].lock();
                let make = |making| self.make(making);
                match isolation {
                    Isolation::Shared => berth.enter_shared(ticket, make, act),
                    Isolation::Image(..) | Isolation::Exclusive => berth.enter(ticket, make, act),
                }
            }
        }
    }

    /// Takes back the ticket of an exchange whose context has ended, or that goes away without ending it.
    pub(super) fn leave(&self, ticket: Ticket) {
        match self.isolation {
            Isolation::Image(..) => self.berths[ticket.berth].lock().leave(ticket),
            Isolation::Shared => self.berths[ticket.berth].lock().leave_shared(),
            Isolation::Exclusive => {}
        }
    }

    fn make(&self, making: Making) -> Result<Box<Instance>, Broken> {
        self.meters.count_instance(making);
        let made = match &self.isolation {
            Isolation::Image(image, names) => Instance::replicate(&self.profile, &self.module.code, (image, names)),
            Isolation::Exclusive | Isolation::Shared => Instance::start(&self.profile, &self.module.code),
        };
        made.map(Box::new).map_err(Broken::start)
    }

    /// A new instance, started and configured.
    pub(super) fn start(&self) -> Result<Instance, Broken> {
        Instance::start(&self.profile, &self.module.code).map_err(Broken::start)
    }

    /// Whether the instance of this thread's berth is its image; `None` where there is none or it has none.
    #[cfg(test)]
    pub(super) fn pristine(&self) -> Option<bool> {
        self.berths[worker::slot(self.berths.len())].lock().pristine()
    }
}

/// By the image of `first`, where its module and this machine allow it.
fn by_request(first: &mut Instance, profile: &Arc<Profile>, module: &Module) -> Isolation {
    let refused = match &module.globals {
        Err(refusal) => refusal.to_string(),
        Ok(names) => match first.image(names).map(Arc::new) {
            None => "image".to_owned(),
            // One is made for trial: what does not work here will not work for any exchange.
            Some(image) => match Instance::replicate(profile, &module.code, (&image, names)) {
                Ok(_) => return Isolation::Image(image, names.clone()),
                Err(fault) => fault.to_string(),
            },
        },
    };
    tracing::warn!(filter = %profile.name, reason = refused, "filter is started for every exchange");
    Isolation::Exclusive
}

fn enter_own<R>(mut instance: Box<Instance>, ticket: &mut Ticket, act: impl Act<R>) -> Result<R, Broken> {
    let outcome = berth::attended(&mut instance, ticket, act)?;
    ticket.stay = Stay::Own(instance);
    Ok(outcome)
}
