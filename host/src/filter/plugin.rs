//! A plugin: one configured filter, ready for exchanges.
//!
//! Loading one starts a first instance, so that a bad module or bad settings are known before any request. `enter` and
//! `leave` are an exchange's way to an instance; the plugin's own callbacks run beside, by its keeper, as long as it is held.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use http::StatusCode;

use super::abi::ROOT_CONTEXT;
use super::bodies::direction::Direction;
use super::failure::Broken;
use super::instance::Instance;
use super::isolation::berth::Act;
use super::isolation::image::Image;
use super::isolation::quarters::Quarters;
use super::isolation::ticket::Ticket;
use super::loading::interests::Interests;
use super::loading::load_error::LoadFault;
use super::loading::module::Module;
use super::loading::workshop::Workshop;
use super::measures::metrics::Meters;
use super::profile::Profile;
use super::recording::desk::Desk;
use super::rollout::breaker::{Admission, Breaker, Change};
use super::rollout::tally::Tally;
use super::rollout::version::Version;
use super::root::keeper::{Keeper, Leash};
use crate::config::{Filter, FilterCondition, FilterLimits, HeaderPause, Side};

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Arc<Meters>,
    pub(super) interests: Interests,
    pub(super) identity: Identity,
    pub(super) breaker: Breaker,
    pub(super) tally: Arc<Tally>,
    pub(super) desk: Arc<Desk>,
    contexts: AtomicU32,
    quarters: Arc<Quarters>,
    _leash: Leash,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", &self.profile.name).finish_non_exhaustive()
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
            at: Side::Client,
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
        let meters = Arc::new(environment.metrics.of(&filter.name));
        let (interests, identity) =
            (Interests::of(module.code.module()), Identity::new(module.version, filter, limits));
        let parts = (profile.clone(), meters.clone());
        let way = (filter.isolation, environment.renewal);
        let quarters = Arc::new(Quarters::new(parts, module, way, environment.workers)?);
        let tally = Arc::new(Tally::default());
        Ok(Self {
            _leash: Keeper::keep(quarters.clone(), tally.clone(), &environment.roots),
            interests,
            identity,
            breaker: Breaker::new(&profile, meters.breaker.clone()),
            tally,
            desk: Arc::default(),
            meters,
            profile,
            contexts: AtomicU32::new(ROOT_CONTEXT + 1),
            quarters,
        })
    }

    /// What it is made of, for other plugins.
    pub(super) fn module(&self) -> Module {
        self.quarters.module.clone()
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
        let mut ticket = self.quarters.ticket(self.next_context());
        if let Some(session) = self.desk.ask() {
            self.quarters.record(&mut ticket, &session);
        }
        ticket
    }

    /// The image that its exchanges find, and its code; `None` where they find no image.
    pub(super) fn recordable(&self) -> Option<(Arc<Image>, &wasmtime::Module)> {
        Some((self.quarters.image()?, self.quarters.module.code.module()))
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

    /// Lets `act` work, from `since` on, on the instance in which the context of `ticket` lives. After an error the ticket
    /// is void.
    pub(super) fn enter<R>(&self, ticket: &mut Ticket, since: Instant, act: impl Act<R>) -> Result<R, Broken> {
        ticket.since = Some(since);
        self.quarters.enter(ticket, act)
    }

    /// Takes back the ticket of an exchange whose context has ended, or that goes away without ending it.
    pub(super) fn leave(&self, ticket: Ticket) {
        self.quarters.leave(ticket);
    }

    /// A new instance, started and configured.
    pub(super) fn start(&self) -> Result<Instance, Broken> {
        Instance::start(&self.profile, &self.quarters.module.code).map_err(Broken::start)
    }

    /// Pages that are put back after an exchange of this thread; `None` where that is not how exchanges are kept apart.
    pub(super) fn pages(&self) -> Option<usize> {
        self.quarters.pages()
    }

    /// Whether what the next exchange on this thread finds is the image; `None` where there is none, or no instance yet.
    #[cfg(test)]
    pub(super) fn pristine(&self) -> Option<bool> {
        self.quarters.pristine()
    }
}
