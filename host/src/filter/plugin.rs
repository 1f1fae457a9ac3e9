//! A plugin: one configured filter, ready to make instances.
//!
//! Loading one starts a first instance, so that a bad module or bad settings are known before any request. Instances are made when they are missing and kept in a pool.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use wasmtime::InstancePre;

use super::failure::{Broken, FailureKind};
use super::instance::Instance;
use super::load_error::LoadFault;
use super::metrics::Meters;
use super::module::Module;
use super::pool::Pool;
use super::profile::Profile;
use super::rollout::breaker::{Admission, Breaker, Change};
use super::rollout::tally::Tally;
use super::rollout::version::Version;
use super::state::State;
use super::workshop::Workshop;
use crate::config::{Filter, FilterCondition, FilterLimits};

pub(super) struct Plugin {
    pub(super) profile: Arc<Profile>,
    pub(super) meters: Meters,
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
            identity: Identity::new(module.version, filter, limits),
            breaker: Breaker::new(&profile, meters.breaker.clone()),
            tally: Tally::default(),
            meters,
            pool: Pool::new(environment.workers),
            profile,
            code: module.code,
        };
        let first = Instance::start(&plugin.profile, &plugin.code)?;
        plugin.give_back(first);
        Ok(plugin)
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

    /// An instance that waits for an exchange, if there is one on this worker.
    pub(super) fn idle(&self) -> Option<Instance> {
        self.pool.take()
    }

    /// A new instance.
    pub(super) fn start(&self) -> Result<Instance, Broken> {
        let started = Instance::start(&self.profile, &self.code);
        started.map_err(|fault| Broken::new(FailureKind::Start, fault.to_string()))
    }

    /// Keeps an instance whose exchange ended well.
    pub(super) fn give_back(&self, instance: Instance) {
        self.pool.give_back(instance);
    }
}
