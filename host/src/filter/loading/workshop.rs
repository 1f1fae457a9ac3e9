//! What one load makes plugins with: the sandbox, and every module compiled once.
//!
//! Plugins of one module share its code, whatever their settings; a reload finds the code of the load before.

use std::collections::HashMap;
use std::path::Path;

use wasmtime::{Engine, Linker, Store};

use super::super::engine;
use super::super::environment::Environment;
use super::super::hostcalls;
use super::super::isolation::instrument;
use super::super::one_line::one_line;
use super::super::profile::Profile;
use super::super::rollout::code_cache::CodeCache;
use super::super::rollout::version::Version;
use super::super::state::State;
use super::load_error::LoadFault;
use super::module::{self, Module};
use crate::config::{Filter, FilterLimits};

pub(in crate::filter) struct Workshop<'a> {
    pub(in crate::filter) limits: &'a FilterLimits,
    pub(in crate::filter) environment: &'a Environment,
    engine: Engine,
    linker: Linker<State>,
    cache: CodeCache,
    modules: HashMap<Version, Module>,
}

impl<'a> Workshop<'a> {
    /// `known` are modules that need not be compiled again.
    pub(in crate::filter) fn open(
        limits: &'a FilterLimits,
        environment: &'a Environment,
        cache: Option<&Path>,
        known: impl Iterator<Item = Module>,
    ) -> Result<Self, LoadFault> {
        let (engine, linker) = sandbox().map_err(|error| LoadFault::Sandbox(one_line(&format!("{error:#}"))))?;
        let modules = known.map(|module| (module.version, module)).collect();
        Ok(Self { limits, environment, engine, linker, cache: CodeCache::open(cache), modules })
    }

    /// The module of `filter` as it is now on disk, ready to be instantiated.
    pub(in crate::filter) fn module(&mut self, filter: &Filter) -> Result<Module, LoadFault> {
        let (bytes, version) = module::read(&filter.module, filter.sha256.as_ref(), self.limits.module_bytes_max)?;
        if let Some(module) = self.modules.get(&version) {
            return Ok(module.clone());
        }
        let (bytes, globals) = instrument::prepare(&bytes);
        let (code, origin) = self.cache.code(&self.engine, &bytes).map_err(|error| LoadFault::Compile {
            path: filter.module.clone(),
            cause: one_line(&format!("{error:#}")),
        })?;
        self.environment.metrics.count_compile(origin);
        let abi = module::abi(&code)?;
        module::check_memory(&code, self.limits.memory_bytes_max)?;
        let profile = Profile::new(filter, (version, abi), self.limits, self.environment);
        let mut scratch = Store::new(&self.engine, State::new(profile.into()));
        let code = module::link(&code, &self.linker, &mut scratch)?;
        let module = Module { version, abi, code, globals: globals.map(Into::into) };
        self.modules.insert(version, module.clone());
        Ok(module)
    }

    /// Gives up what no load has used for long.
    pub(in crate::filter) fn close(self) {
        self.cache.tidy();
    }
}

/// The process's engine, and all host calls on it.
fn sandbox() -> wasmtime::Result<(Engine, Linker<State>)> {
    let engine = engine::shared()?;
    let linker = hostcalls::linker(&engine)?;
    Ok((engine, linker))
}
