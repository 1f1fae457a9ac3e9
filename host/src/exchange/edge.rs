//! A node's exchanges: everything they share, put together once.

use std::sync::Arc;

use http::HeaderValue;
use prometheus::Registry;

use super::compressor::Compressor;
use super::metrics::Metrics;
use super::record::Book;
use super::routes::{Route, Routes};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config;
use crate::filter::{Filters, LoadError};
use crate::origin::Origins;
use crate::semantics::LoopMark;
use crate::telemetry::AccessLog;

/// What an edge stands on.
pub struct Parts {
    pub cache: Cache,
    pub origins: Origins,
    pub filters: Filters,
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
    /// Its member of `Surrogate-Capability`.
    pub(super) capability: HeaderValue,
    pub(super) cache: Cache,
    pub(super) origins: Origins,
    pub(super) routes: Routes,
    pub(super) compressor: Compressor,
    pub(super) clock: Clock,
    pub(super) book: Arc<Book>,
}

/// Why an edge cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    #[error(transparent)]
    Filter(#[from] LoadError),
    #[error("route {route}: the origin {origin:?} is not configured")]
    Origin { route: String, origin: String },
    #[error("the node name {0:?} cannot stand in a header")]
    Name(String),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl Edge {
    pub fn new(config: &config::Config, parts: Parts, registry: &Registry) -> Result<Self, EdgeError> {
        let name = config.node.name.as_str();
        let via = HeaderValue::from_str(&format!("1.1 {name}")).map_err(|_| EdgeError::Name(name.to_owned()))?;
        let mark = LoopMark::new(name, fastrand::u64(..)).map_err(|_| EdgeError::Name(name.to_owned()))?;
        let capability = HeaderValue::from_str(&format!("{name}=\"Surrogate/1.0\""))
            .map_err(|_| EdgeError::Name(name.to_owned()))?;
        let mut routes = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            let origin = parts
                .origins
                .get(&route.origin)
                .cloned()
                .ok_or_else(|| EdgeError::Origin { route: route.name.clone(), origin: route.origin.clone() })?;
            let chain = parts.filters.chain(&route.filters)?;
            routes.push((route.host.clone(), Route::new(route, origin, chain)));
        }
        let book = Book {
            metrics: Metrics::register(registry)?,
            access: parts.access.map(|log| (log, config.log.access_format)),
            clock: parts.clock.clone(),
        };
        Ok(Self {
            name: name.into(),
            mark,
            via,
            capability,
            compressor: Compressor::new(&config.compression, parts.cache.clone(), registry)?,
            cache: parts.cache,
            origins: parts.origins,
            routes: Routes::new(routes),
            clock: parts.clock,
            book: Arc::new(book),
        })
    }
}
