//! All filters of a configuration, loaded.
//!
//! The node loads them before it listens and keeps them as long as any exchange may run; routes ask for their chains by
//! name.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::{Engine, Linker};

use super::chain::Chain;
use super::engine;
use super::environment::Environment;
use super::hostcalls;
use super::load_error::{LoadError, LoadFault};
use super::one_line::one_line;
use super::plugin::{Plugin, Workshop};
use super::state::State;
use crate::config::{Filter, FilterLimits};

#[derive(Debug)]
pub struct Filters {
    plugins: HashMap<String, Arc<Plugin>>,
}

impl Filters {
    /// Compiles and configures every filter; all that cannot be used are told at once. One instance of each is made now,
    /// further ones when an exchange finds none idle on its worker.
    pub fn load(filters: &[Filter], limits: &FilterLimits, environment: &Environment) -> Result<Self, Vec<LoadError>> {
        if filters.is_empty() {
            return Ok(Self { plugins: HashMap::new() });
        }
        let (engine, linker) = sandbox().map_err(|error| {
            let fault = LoadFault::Sandbox(one_line(&format!("{error:#}")));
            vec![LoadError { filter: filters[0].name.clone(), fault }]
        })?;
        let workshop = Workshop { engine: &engine, linker: &linker, limits, environment };
        let mut plugins = HashMap::new();
        let mut errors = Vec::new();
        for filter in filters {
            match Plugin::load(filter, &workshop) {
                Ok(plugin) => drop(plugins.insert(filter.name.clone(), Arc::new(plugin))),
                Err(fault) => errors.push(LoadError { filter: filter.name.clone(), fault }),
            }
        }
        if errors.is_empty() { Ok(Self { plugins }) } else { Err(errors) }
    }

    /// The filters named, in request order.
    pub fn chain(&self, names: &[String]) -> Result<Chain, LoadError> {
        let plugin = |name: &String| {
            let unknown = || LoadError { filter: name.clone(), fault: LoadFault::Unknown };
            self.plugins.get(name).cloned().ok_or_else(unknown)
        };
        Ok(Chain::new(names.iter().map(plugin).collect::<Result<_, _>>()?))
    }
}

/// The process's engine, and all host calls on it.
fn sandbox() -> wasmtime::Result<(Engine, Linker<State>)> {
    let engine = engine::shared()?;
    let linker = hostcalls::linker(&engine)?;
    Ok((engine, linker))
}
