//! A plugin: one configured filter, ready to make instances.
//!
//! Loading one compiles its module and starts a first instance, so that a bad module or bad settings are known before
//! any request. Instances are made when they are missing and kept in a pool.

use std::fmt;
use std::sync::Arc;

use wasmtime::{Engine, InstancePre, Linker, Store};

use super::environment::Environment;
use super::failure::{Broken, FailureKind};
use super::instance::Instance;
use super::load_error::LoadFault;
use super::metrics::Meters;
use super::module::{self, Module};
use super::pool::Pool;
use super::profile::Profile;
use super::state::State;
use crate::config::{Filter, FilterLimits};

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Meters,
    pub(super) pool: Pool,
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
            meters: workshop.environment.metrics.of(&filter.name),
            pool: Pool::new(workshop.environment.workers),
            profile,
            code,
        };
        let first = Instance::start(&plugin.profile, &plugin.code)?;
        plugin.pool.give_back(first);
        Ok(plugin)
    }

    /// An instance for one exchange: an idle one, or else a new one.
    pub(super) fn instance(&self) -> Result<Instance, Broken> {
        if let Some(instance) = self.pool.take() {
            return Ok(instance);
        }
        let started = Instance::start(&self.profile, &self.code);
        started.map_err(|fault| Broken::new(FailureKind::Start, fault.to_string()))
    }
}
