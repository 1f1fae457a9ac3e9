//! A plugin: one configured filter, ready to make instances.
//!
//! Loading one compiles its module and starts a first instance, so that a bad module or bad settings are known before
//! any request. Instances are made when they are missing and kept in a pool.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::{Engine, InstancePre, Linker, Store};

use super::abi::ROOT_CONTEXT;
use super::environment::Environment;
use super::failure::{Broken, FailureKind};
use super::instance::Instance;
use super::interests::Interests;
use super::load_error::LoadFault;
use super::metrics::Meters;
use super::module::{self, Module};
use super::pool::Pool;
use super::profile::Profile;
use super::state::State;
use super::ticket::Ticket;
use crate::config::{Filter, FilterLimits};

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Meters,
    pub(super) interests: Interests,
    contexts: AtomicU32,
    pool: Pool,
    code: InstancePre<State>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", &self.profile.name).finish_non_exhaustive()
    }
}

/// What all plugins of one load are made with.
pub(super) struct Workshop<'a> {
    pub(super) engine: &'a Engine,
    pub(super) linker: &'a Linker<State>,
    pub(super) limits: &'a FilterLimits,
    pub(super) environment: &'a Environment,
}

impl Plugin {
    pub(super) fn load(filter: &Filter, workshop: &Workshop<'_>) -> Result<Self, LoadFault> {
        let bytes = module::read(&filter.module, filter.sha256.as_deref(), workshop.limits.module_bytes_max)?;
        let module = Module::compile(workshop.engine, &filter.module, &bytes)?;
        let profile = Arc::new(Profile::new(filter, module.abi, workshop.limits, workshop.environment));
        let mut scratch = Store::new(workshop.engine, State::new(profile.clone()));
        let code = module.link(workshop.linker, &mut scratch)?;
        let plugin = Self {
            interests: Interests::of(code.module()),
            meters: workshop.environment.metrics.of(&filter.name),
            contexts: AtomicU32::new(ROOT_CONTEXT + 1),
            pool: Pool::new(workshop.environment.workers),
            profile,
            code,
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

    fn instance(&self) -> Result<Box<Instance>, Broken> {
        if let Some(instance) = self.pool.take() {
            return Ok(Box::new(instance));
        }
        let started = Instance::start(&self.profile, &self.code);
        started.map(Box::new).map_err(|fault| Broken::new(FailureKind::Start, fault.to_string()))
    }
}
