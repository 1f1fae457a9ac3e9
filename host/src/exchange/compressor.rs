//! The node's encoders at work: stored bodies in jobs off the request path, passing ones while they stream.
//!
//! Both are bounded. Where the bound is reached, the response goes out as it is, which costs bytes and nobody's time.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use prometheus::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::coded_body::CodedBody;
use super::coding_metrics::{CodingMetrics, Meter};
use super::encoder::{self, Encoder, Levels};
use crate::body::Body;
use crate::cache::{Cache, Form, Forms};
use crate::config;
use crate::semantics::Coding;

pub(super) struct Compressor {
    cache: Cache,
    levels: Levels,
    jobs: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    metrics: CodingMetrics,
}

/// An encoder that is ready for one body.
pub(super) struct Ready {
    encoder: Encoder,
    meter: Meter,
    slot: OwnedSemaphorePermit,
}

impl Ready {
    pub(super) fn code(self, body: Body) -> Body {
        Body::stream(CodedBody::new(body, self.encoder, self.meter, self.slot))
    }
}

impl Compressor {
    pub(super) fn new(
        config: &config::Compression,
        cache: Cache,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        Ok(Self {
            cache,
            levels: Levels::of(config),
            jobs: Arc::new(Semaphore::new(config.jobs_max)),
            streams: Arc::new(Semaphore::new(config.streams_max)),
            metrics: CodingMetrics::register(registry)?,
        })
    }

    /// Makes a stored body's form on a thread of its own, unless somebody does already. Where all jobs are taken, the next
    /// hit tries again.
    pub(super) fn make(&self, forms: &Arc<Forms>, coding: Coding, body: &Bytes) {
        let Some(claim) = forms.claim(coding) else { return };
        let Ok(slot) = self.jobs.clone().try_acquire_owned() else {
            self.metrics.skipped_jobs.inc();
            return;
        };
        let (levels, body, cache) = (self.levels, body.clone(), self.cache.clone());
        let meter = self.metrics.meter(coding).clone();
        tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            let form = match encoder::encode(coding, levels, &body) {
                Ok(coded) => {
                    meter.read(body.len());
                    meter.wrote(coded.len(), start.elapsed());
                    if coded.len() < body.len() { Form::Smaller(coded) } else { Form::Useless }
                }
                Err(error) => {
                    tracing::warn!(coding = coding.token(), %error, "a stored response could not be compressed");
                    Form::Useless
                }
            };
            cache.keep(claim, form);
            drop(slot);
        });
    }

    /// An encoder for what passes; `None` where all are taken.
    pub(super) fn stream(&self, coding: Coding) -> Option<Ready> {
        let Ok(slot) = self.streams.clone().try_acquire_owned() else {
            self.metrics.skipped_streams.inc();
            return None;
        };
        let encoder = Encoder::streaming(coding, self.levels)
            .inspect_err(|error| tracing::warn!(coding = coding.token(), %error, "a response could not be compressed"));
        Some(Ready { encoder: encoder.ok()?, meter: self.metrics.meter(coding).clone(), slot })
    }
}
