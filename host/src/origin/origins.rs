//! All origins of a configuration, by name.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Request, Response};
use prometheus::Registry;

use super::failure::OriginFailure;
use super::metrics::Metrics;
use super::static_site::StaticSite;
use super::upstream::Upstream;
use crate::body::Body;
use crate::config;

/// The origins of a node. Cloning shares them.
#[derive(Clone)]
pub struct Origins {
    by_name: Arc<HashMap<String, Origin>>,
}

/// One origin, whatever is behind it. Cloning shares it.
#[derive(Clone)]
pub struct Origin {
    name: Arc<str>,
    source: Arc<Source>,
}

enum Source {
    Upstream(Upstream),
    Static(StaticSite),
}

impl Origins {
    pub fn new(config: &config::Config, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        let workers = config.node.workers;
        let upstreams = config.origins.iter().map(|origin| {
            let upstream = Upstream::new(origin, workers, metrics.of(&origin.name));
            (origin.name.clone(), Source::Upstream(upstream))
        });
        let statics = config.statics.iter().map(|site| {
            let files = StaticSite::new(site, metrics.of(&site.name));
            (site.name.clone(), Source::Static(files))
        });
        let by_name = upstreams
            .chain(statics)
            .map(|(name, source)| {
                let origin = Origin { name: name.as_str().into(), source: Arc::new(source) };
                (name, origin)
            })
            .collect();
        Ok(Self { by_name: Arc::new(by_name) })
    }

    pub fn get(&self, name: &str) -> Option<&Origin> {
        self.by_name.get(name)
    }
}

impl Origin {
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Fetches one response; its body streams. The request's target is in origin form, its `Host` what the client asked
    /// for, its hop-by-hop fields gone. Dropping the future ends the exchange and closes its connection.
    pub async fn fetch(&self, request: Request<Body>) -> Result<Response<Body>, OriginFailure> {
        match &*self.source {
            Source::Upstream(upstream) => upstream.fetch(request).await,
            Source::Static(site) => site.fetch(request).await,
        }
    }
}
