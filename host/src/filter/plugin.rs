//! A plugin: one configured filter, ready to make instances.
//!
//! Loading one starts a first instance, so that a bad module or bad settings are known before any request. Instances are made when they are missing and kept in a pool.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::StatusCode;
use wasmtime::InstancePre;

use super::abi::ROOT_CONTEXT;
use super::failure::{Broken, FailureKind};
use super::instance::Instance;
use super::interests::Interests;
use super::load_error::LoadFault;
use super::metrics::Meters;
use super::module::Module;
use super::pool::Pool;
use super::profile::Profile;
use super::rollout::breaker::{Admission, Breaker, Change};
use super::rollout::tally::Tally;
use super::rollout::version::Version;
use super::state::State;
use super::ticket::Ticket;
use super::workshop::Workshop;
use crate::config::{Filter, FilterCondition, FilterLimits};

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Meters,
    pub(super) interests: Interests,
    contexts: AtomicU32,
    pub(super) identity: Identity,
    pub(super) breaker: Breaker,
    pub(super) tally: Tally,
    pool: Pool,
    code: InstancePre<State>,
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
        let plugin = Self {
            interests: Interests::of(module.code.module()),
            contexts: AtomicU32::new(ROOT_CONTEXT + 1),
            identity: Identity::new(module.version, filter, limits),
            breaker: Breaker::new(&profile, meters.breaker.clone()),
            tally: Tally::default(),
            meters,
            pool: Pool::new(environment.workers),
            profile,
            code: module.code,
        };
        let first = Instance::start(&plugin.profile, &plugin.code)?;
        plugin.pool.give_back(first);
        Ok(plugin)
    }

    /// The ticket of an exchange that comes to this filter.
    pub(super) fn admit(&self) -> Ticket {
        let context = self.contexts.fetch_add(1, Ordering::Relaxed);
        Ticket::new(context)
    }

    /// What it is made of, for other plugins.
    pub(super) fn module(&self) -> Module {
        Module { version: self.profile.version, abi: self.profile.abi, code: self.code.clone() }
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

    /// Lets `act` work on the instance in which the context of `ticket` lives. After an error the ticket is void: the
    /// instance is gone, or no longer knows the context, and it must not be entered again.
    pub(super) fn enter<R>(
        &self,
        ticket: &mut Ticket,
        act: impl FnOnce(&mut Instance) -> Result<R, Broken>,
    ) -> Result<R, Broken> {
        let mut instance = match ticket.own.take() {
            Some(instance) => instance,
            None => self.instance()?,
        };
        instance.attend(ticket.context, &mut ticket.log);
        let outcome = act(&mut instance);
        instance.attend(ROOT_CONTEXT, &mut ticket.log);
        if outcome.is_ok() {
            ticket.own = Some(instance);
        }
        outcome
    }

    /// Takes back the ticket of an exchange whose context has ended, or that goes away without ending it.
    pub(super) fn leave(&self, ticket: Ticket) {
        if let Some(instance) = ticket.own.filter(|instance| instance.reusable()) {
            self.pool.give_back(*instance);
        }
    }

    /// A new instance.
    pub(super) fn start(&self) -> Result<Instance, Broken> {
        let started = Instance::start(&self.profile, &self.code);
        started.map_err(|fault| Broken::new(FailureKind::Start, fault.to_string()))
    }

    fn instance(&self) -> Result<Box<Instance>, Broken> {
        let instance = match self.pool.take() {
            Some(instance) => instance,
            None => self.start()?,
        };
        Ok(Box::new(instance))
    }
}
