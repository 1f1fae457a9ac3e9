//! All filters of a configuration, loaded.
//!
//! The node loads them before it listens and renews them when its configuration is read again; routes ask for their
//! chains. There is one plugin per filter and settings, so a filter that two routes configure differently is two plugins
//! of one compiled module.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::chain::Chain;
use super::environment::Environment;
use super::loading::load_error::{LoadError, LoadFault};
use super::loading::module::Module;
use super::loading::workshop::Workshop;
use super::plugin::{Identity, Plugin};
use super::rollout::canary::Canary;
use super::rollout::condition::Conditions;
use super::rollout::filter_state::FilterState;
use super::rollout::outcome::{Change, Outcome};
use crate::config::{Config, Filter, FilterCanary, FilterLimits, Route, RouteFilter};

/// The part of a configuration that says which filters there are.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub filters: &'a [Filter],
    pub limits: &'a FilterLimits,
    pub routes: &'a [Route],
    /// The folder of compiled modules.
    pub cache: Option<&'a Path>,
}

/// A filter, and the settings that routes have in the place of its own.
type Slot = (String, Option<String>);

#[derive(Debug, Default)]
pub struct Filters {
    held: BTreeMap<Slot, Held>,
}

#[derive(Debug, Clone)]
struct Held {
    plugin: Arc<Plugin>,
    canary: Option<Arc<Canary>>,
}

impl<'a> Wanted<'a> {
    pub fn of(config: &'a Config) -> Self {
        let Config { filters, filter_limits, routes, filter_cache, .. } = config;
        Self { filters, limits: filter_limits, routes, cache: filter_cache.as_deref() }
    }

    /// What routes ask for, and the filters that no route asks for as they are: also these are checked. In the order of
    /// the filters.
    fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        for filter in self.filters {
            let elements = self.routes.iter().flat_map(|route| &route.filters);
            let mut asked: BTreeSet<Slot> = elements.filter(|element| element.name == filter.name).map(slot).collect();
            if asked.is_empty() {
                asked.insert((filter.name.clone(), None));
            }
            slots.extend(asked);
        }
        slots
    }

    fn filter(&self, (name, settings): &Slot) -> Option<Filter> {
        let filter = self.filters.iter().find(|filter| filter.name == *name)?;
        let settings = settings.as_ref().unwrap_or(&filter.settings).clone();
        Some(Filter { settings, ..filter.clone() })
    }
}

fn slot(element: &RouteFilter) -> Slot {
    (element.name.clone(), element.settings.clone())
}

impl Filters {
    /// Compiles and configures every filter; all that cannot be used are told at once. One instance of each is made now,
    /// further ones when an exchange finds none idle on its worker. A canary that cannot be used is logged and left out.
    pub fn load(wanted: &Wanted<'_>, environment: &Environment) -> Result<Self, Vec<LoadError>> {
        let (filters, outcomes) = Self::default().renew(wanted, environment);
        let mut errors = Vec::new();
        for outcome in outcomes {
            match outcome.change {
                Change::Failed(fault) => errors.push(LoadError { filter: outcome.filter, fault }),
                Change::CanaryFailed(_) => outcome.log(),
                _ => {}
            }
        }
        if errors.is_empty() { Ok(filters) } else { Err(errors) }
    }

    /// The filters of another configuration: what did not change is the same plugin, what cannot be used is what it was.
    /// Counted and logged, one outcome per filter and settings. These filters themselves stay as they are.
    pub fn renewed(&self, wanted: &Wanted<'_>, environment: &Environment) -> (Self, Vec<Outcome>) {
        let (filters, outcomes) = self.renew(wanted, environment);
        for outcome in &outcomes {
            environment.metrics.count_reload(&outcome.filter, outcome.change.word());
            outcome.log();
        }
        (filters, outcomes)
    }

    fn renew(&self, wanted: &Wanted<'_>, environment: &Environment) -> (Self, Vec<Outcome>) {
        let gone = self.held.keys().map(|(name, _)| name).collect::<BTreeSet<_>>();
        let gone = gone.into_iter().filter(|name| !wanted.filters.iter().any(|filter| filter.name == **name));
        let mut outcomes: Vec<_> = gone.map(|name| Outcome { filter: name.clone(), change: Change::Removed }).collect();
        if wanted.filters.is_empty() {
            return (Self::default().at_desks(environment), outcomes);
        }
        let mut workshop = match Workshop::open(wanted.limits, environment, wanted.cache, self.modules()) {
            Ok(workshop) => workshop,
            Err(fault) => {
                outcomes.push(Outcome { filter: wanted.filters[0].name.clone(), change: Change::Failed(fault) });
                return (Self { held: self.held.clone() }, outcomes);
            }
        };
        let mut held = BTreeMap::new();
        for slot in wanted.slots() {
            let Some(filter) = wanted.filter(&slot) else { continue };
            let (plugin, change) = self.plugin(&slot, &filter, &mut workshop);
            outcomes.push(Outcome { filter: slot.0.clone(), change });
            let Some(plugin) = plugin else { continue };
            let canary = self.canary(&slot, &filter, &plugin, &mut workshop).unwrap_or_else(|fault| {
                outcomes.push(Outcome { filter: slot.0.clone(), change: Change::CanaryFailed(fault) });
                None
            });
            held.insert(slot, Held { plugin, canary });
        }
        workshop.close();
        (Self { held }.at_desks(environment), outcomes)
    }

    /// Has these filters told of their queues. Of several plugins of one name it is the one with the filter's own settings,
    /// and never a canary: a message is for one of them.
    fn at_desks(self, environment: &Environment) -> Self {
        let mut desks = HashMap::new();
        for held in self.held.values() {
            let profile = &held.plugin.profile;
            desks.entry(profile.name.clone()).or_insert_with(|| profile.orders.clone());
        }
        environment.roots.assign(desks);
        environment.commons.queues.remind();
        self
    }

    /// The plugin that new exchanges of a slot meet, and what is new about it.
    fn plugin(&self, slot: &Slot, filter: &Filter, workshop: &mut Workshop<'_>) -> (Option<Arc<Plugin>>, Change) {
        let old = self.held.get(slot).map(|held| &held.plugin);
        let version = |plugin: &Plugin| plugin.profile.version.to_string();
        match (built(filter, old, workshop), old) {
            (Ok(plugin), Some(old)) if Arc::ptr_eq(&plugin, old) => {
                (Some(plugin), Change::Unchanged { version: version(old) })
            }
            (Ok(plugin), _) => (Some(plugin.clone()), Change::Loaded { version: version(&plugin) }),
            (Err(fault), Some(old)) => (Some(old.clone()), Change::Kept { version: version(old), fault }),
            (Err(fault), None) => (None, Change::Failed(fault)),
        }
    }

    /// The canary beside `stable`, if one is configured. It begins anew with every load.
    fn canary(
        &self,
        slot: &Slot,
        filter: &Filter,
        stable: &Arc<Plugin>,
        workshop: &mut Workshop<'_>,
    ) -> Result<Option<Arc<Canary>>, LoadFault> {
        let Some(FilterCanary { module, sha256, percent, settings }) = &filter.canary else { return Ok(None) };
        let (_, routes_own) = slot;
        let settings = if routes_own.is_some() { None } else { settings.clone() };
        let next = Filter {
            module: module.clone(),
            sha256: sha256.clone(),
            settings: settings.unwrap_or_else(|| filter.settings.clone()),
            ..filter.clone()
        };
        let old = self.held.get(slot).and_then(|held| held.canary.as_ref()).map(|canary| &canary.next);
        let next = built(&next, old, workshop)?;
        Ok(Some(Arc::new(Canary::new(stable.clone(), next, *percent))))
    }

    /// Code that is compiled already.
    fn modules(&self) -> impl Iterator<Item = Module> {
        let plugins = self.held.values().flat_map(|held| {
            let next = held.canary.as_ref().map(|canary| &canary.next);
            std::iter::once(&held.plugin).chain(next)
        });
        plugins.map(|plugin| plugin.module())
    }

    /// The filters that a route names, in request order.
    pub fn chain<'a>(&self, elements: impl IntoIterator<Item = &'a RouteFilter>) -> Result<Chain, LoadError> {
        let (mut plugins, mut canaries, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for (index, element) in elements.into_iter().enumerate() {
            let unknown = || LoadError { filter: element.name.clone(), fault: LoadFault::Unknown };
            let held = self.held.get(&slot(element)).ok_or_else(unknown)?;
            plugins.push(held.plugin.clone());
            canaries.extend(held.canary.clone().map(|canary| (index, canary)));
            conditions.push(element.condition.clone());
        }
        Ok(Chain::new(plugins.into(), Conditions::new(conditions), canaries.into()))
    }

    /// How each version of each filter is, by name.
    pub fn states(&self) -> Vec<FilterState> {
        let states = self.held.values().flat_map(|held| {
            let canary = held.canary.as_ref().map(|canary| FilterState::of_canary(canary));
            std::iter::once(FilterState::of(&held.plugin)).chain(canary)
        });
        states.collect()
    }
}

/// `old` where it is just what `filter` says, else a new plugin.
fn built(filter: &Filter, old: Option<&Arc<Plugin>>, workshop: &mut Workshop<'_>) -> Result<Arc<Plugin>, LoadFault> {
    let module = workshop.module(filter)?;
    let identity = Identity::new(module.version, filter, workshop.limits);
    match old.filter(|old| old.identity == identity) {
        Some(old) => Ok(old.clone()),
        None => Plugin::load(filter, module, workshop).map(Arc::new),
    }
}
