//! The configuration read again: filters and routes are swapped under way, and the rest is named and left.
//!
//! Exchanges hold the route they began with, so they end on the filters they began with. A filter that cannot be used
//! stays what it was, and so does a route that cannot be put together; neither keeps anything else from being renewed.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::super::routes::{Placed, Routes};
use super::Edge;
use crate::config::{self, Config, Faults};
use crate::filter::{FilterState, Filters, Outcome, Wanted};

/// What a reload did.
#[derive(Debug)]
pub struct Reloaded {
    pub filters: Vec<Outcome>,
    /// Routes that stay what they were, or are left out, and why.
    pub routes: Vec<(String, String)>,
    /// Tables that differ from what runs, and take a new start.
    pub left: Vec<&'static str>,
}

/// Why a reload did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("the configuration has faults, and nothing was changed:\n{0}")]
    Faults(Faults),
    #[error("the node runs without a file: {}", .0.display())]
    NoFile(PathBuf),
}

impl Reloaded {
    /// As JSON: what became of each filter, and what was left.
    pub fn json(&self) -> Value {
        let filter = |outcome: &Outcome| {
            let mut told = json!({ "filter": outcome.filter, "result": outcome.change.word() });
            if let Some(version) = outcome.change.version() {
                told["version"] = version.into();
            }
            if let Some(fault) = outcome.change.fault() {
                told["error"] = fault.to_string().into();
            }
            told
        };
        let route = |(name, error): &(String, String)| json!({ "route": name, "error": error });
        json!({
            "whole": self.is_whole(),
            "filters": self.filters.iter().map(filter).collect::<Vec<_>>(),
            "routes_left": self.routes.iter().map(route).collect::<Vec<_>>(),
            "needs_restart": self.left,
        })
    }

    /// Whether all of the file is in force now.
    pub fn is_whole(&self) -> bool {
        self.left.is_empty()
            && self.routes.is_empty()
            && self.filters.iter().all(|outcome| outcome.change.fault().is_none())
    }
}

impl Edge {
    /// Reads the configuration's file again and renews filters and routes. Blocks while modules are compiled; a second
    /// reload waits for the first.
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let file = &running.config.file;
        if !file.is_file() {
            return Err(ReloadError::NoFile(file.clone()));
        }
        let config = config::load_anew(file).map_err(ReloadError::Faults)?;
        let left = left(&running.config, &config);
        left.iter().for_each(|&table| tracing::warn!(table, "changed, and takes a new start of the node"));
        let (filters, outcomes) = running.filters.renewed(&Wanted::of(&config), &running.environment);
        let (placed, routes) = self.placed(&config, &filters, &running.placed);
        self.routes.store(Arc::new(Routes::new(&placed)));
        running.filters = filters;
        running.placed = placed;
        // What was left is left again until the node starts anew.
        running.config = Config { filters: config.filters, routes: config.routes, ..running.config.clone() };
        Ok(Reloaded { filters: outcomes, routes, left })
    }

    fn placed(&self, config: &Config, filters: &Filters, old: &[Placed]) -> (Vec<Placed>, Vec<(String, String)>) {
        let (mut placed, mut refused) = (Vec::new(), Vec::new());
        for route in &config.routes {
            match Placed::new(route, &self.origins, filters) {
                Ok(new) => {
                    self.book.metrics.announce(&route.name);
                    placed.push(new);
                }
                Err(error) => {
                    tracing::error!(route = route.name, cause = %error, "route stays what it was");
                    placed.extend(old.iter().find(|old| *old.route.name == *route.name).cloned());
                    refused.push((route.name.clone(), error.to_string()));
                }
            }
        }
        (placed, refused)
    }

    /// How each version of each filter is.
    pub fn filters(&self) -> Vec<FilterState> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).filters.states()
    }
}

/// The tables that differ and are not renewed. They are plain data, so what they print is what they are.
fn left(running: &Config, new: &Config) -> Vec<&'static str> {
    let differ = |a: &dyn Debug, b: &dyn Debug| format!("{a:?}") != format!("{b:?}");
    let tables: [(&str, &dyn Debug, &dyn Debug); 7] = [
        ("node", &running.node, &new.node),
        ("listener", &running.listeners, &new.listeners),
        ("admin", &running.admin, &new.admin),
        ("log", &running.log, &new.log),
        ("cache", &running.cache, &new.cache),
        ("compression", &running.compression, &new.compression),
        ("origins", &(&running.origins, &running.statics), &(&new.origins, &new.statics)),
    ];
    tables.into_iter().filter(|(_, running, new)| differ(running, new)).map(|(table, ..)| table).collect()
}
