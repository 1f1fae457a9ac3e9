//! What all instances of one filter have in common.
//!
//! Made once at load and shared by reference: an instance reads its settings, bounds and handles from here while it
//! serves host calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::abi::Abi;
use super::calls::dispatch::Dispatch;
use super::draft::Undo;
use super::engine;
use super::environment::Environment;
use super::measures::series::SeriesTable;
use super::rollout::version::Version;
use super::root::orders::Orders;
use super::shared::commons::Commons;
use super::shared::vm::Vm;
use crate::clock::Clock;
use crate::config::{Filter, FilterLimits, HeaderPause, OnError};

#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: Arc<str>,
    pub(super) version: Version,
    /// What it shares with filters of the same name for it.
    pub(super) vm: Arc<Vm>,
    /// What all filters share.
    pub(super) commons: Arc<Commons>,
    pub(super) abi: Abi,
    /// What the guest reads as its plugin configuration.
    pub(super) settings: Vec<u8>,
    /// What it reads as its virtual machine's.
    pub(super) vm_settings: Vec<u8>,
    pub(super) root_id: Box<str>,
    pub(super) on_error: OnError,
    pub(super) header_pause: HeaderPause,
    /// How many instances there are.
    pub(super) live: Arc<AtomicUsize>,
    pub(super) limits: FilterLimits,
    /// Epoch ticks of one callback until its processor time begins to be counted.
    pub(super) callback_ticks: u64,
    /// The same of each step of a start.
    pub(super) configure_ticks: u64,
    pub(super) series: SeriesTable,
    pub(super) clock: Clock,
    pub(super) node_name: Arc<str>,
    /// Where its calls go.
    pub(super) dispatch: Arc<dyn Dispatch>,
    tokens: AtomicU32,
    /// What its own context has asked for.
    pub(super) orders: Arc<Orders>,
}

impl Profile {
    pub(super) fn new(
        filter: &Filter,
        (version, abi): (Version, Abi),
        limits: &FilterLimits,
        environment: &Environment,
    ) -> Self {
        let name: Arc<str> = filter.name.as_str().into();
        Self {
            series: SeriesTable::new(name.clone(), limits.metric_series_max, environment.families.clone()),
            name,
            version,
            vm: environment.commons.vm(&filter.vm),
            commons: environment.commons.clone(),
            abi,
            settings: filter.settings.clone().into_bytes(),
            vm_settings: filter.vm_settings.clone().into_bytes(),
            root_id: filter.root_id.as_str().into(),
            on_error: filter.on_error,
            header_pause: filter.header_pause,
            live: Arc::default(),
            callback_ticks: engine::uncounted_ticks(limits.callback_deadline),
            configure_ticks: engine::uncounted_ticks(limits.configure_deadline),
            limits: limits.clone(),
            clock: environment.clock.clone(),
            node_name: environment.node_name.clone(),
            dispatch: environment.dispatch.clone(),
            tokens: AtomicU32::new(1),
            orders: Arc::default(),
        }
    }

    /// The token of a call: no two of one filter have the same at a time, whichever instances they were made in.
    pub(super) fn next_token(&self) -> u32 {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a failed callback must leave no trace: only a filter that is skipped on failure lets its exchange go on.
    pub(super) fn undo(&self) -> Undo {
        match self.on_error {
            OnError::FailOpen => Undo::Kept,
            OnError::FailClosed => Undo::NotKept,
        }
    }
}
