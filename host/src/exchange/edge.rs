//! A node's exchanges: everything they share, put together once.

pub(super) mod outcalls;
pub(super) mod reload;
mod running;

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use http::HeaderValue;
use prometheus::Registry;

use self::outcalls::Outcalls;
use self::running::Running;
use super::backoff::Backoff;
use super::compressor::Compressor;
use super::metrics::Metrics;
use super::record::Book;
use super::routes::{PlaceError, Placed, Routes};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config;
use crate::filter::{Environment, Filters};
use crate::origin::Origins;
use crate::semantics::{LoopMark, Targets};
use crate::telemetry::AccessLog;

/// What an edge stands on.
pub struct Parts {
    pub cache: Cache,
    pub origins: Origins,
    /// What filters send to them.
    pub outcalls: Arc<Outcalls>,
    pub filters: Filters,
    /// What filters of a later configuration are loaded into.
    pub environment: Environment,
    pub clock: Clock,
    pub access: Option<AccessLog>,
}

/// Answers requests. Shared by all workers.
pub struct Edge {
    pub(super) name: Arc<str>,
    /// This node's member of `CDN-Loop`.
    pub(super) mark: LoopMark,
    /// This node's member of `Via`.
    pub(super) via: HeaderValue,
    /// Its member of `Surrogate-Capability`, where it is a surrogate.
    pub(super) capability: Option<HeaderValue>,
    /// The fields that speak to this node before `Cache-Control` does.
    pub(super) targets: Targets,
    pub(super) backoff: Backoff,
    pub(super) cache: Cache,
    pub(super) origins: Origins,
    /// Swapped whole by a reload. A load costs a few nanoseconds and no lock: arc-swap counts no reference for it.
    pub(super) routes: ArcSwap<Routes>,
    pub(super) running: Mutex<Running>,
    pub(super) compressor: Compressor,
    pub(super) clock: Clock,
    pub(super) book: Arc<Book>,
}

/// Why an edge cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    #[error(transparent)]
    Route(#[from] PlaceError),
    #[error("the node name {0:?} cannot stand in a header")]
    Name(String),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Edge {
    pub fn new(config: &config::Config, parts: Parts, registry: &Registry) -> Result<Self, EdgeError> {
        let name = config.node.name.as_str();
        let targets = Targets::new(&config.cache.targeted_fields, name);
        let capability = HeaderValue::from_str(&format!("{name}=\"Surrogate/1.0\""))
            .map_err(|_| EdgeError::Name(name.to_owned()))?;
        let placed = config.routes.iter().map(|route| Placed::new(route, &parts.origins, &parts.filters));
        let placed = placed.collect::<Result<Vec<_>, _>>()?;
        let book = Book {
            metrics: Metrics::register(registry)?,
            access: parts.access.map(|log| (log, config.log.access_format)),
            clock: parts.clock.clone(),
        };
        config.routes.iter().for_each(|route| book.metrics.announce(&route.name));
        Ok(Self {
            name: name.into(),
            mark: parts.outcalls.mark.clone(),
            via: parts.outcalls.via.clone(),
            capability: targets.is_surrogate().then_some(capability),
            targets,
            backoff: Backoff::new(config.cache.retry_backoff_max, fastrand::f64),
            compressor: Compressor::new(&config.compression, parts.cache.clone(), registry)?,
            cache: parts.cache,
            origins: parts.origins,
            routes: ArcSwap::from_pointee(Routes::new(&placed)),
            running: Mutex::new(Running {
                config: config.clone(),
                filters: parts.filters,
                environment: parts.environment,
                placed,
            }),
            clock: parts.clock,
            book: Arc::new(book),
        })
    }
}
