//! A trace replayed: every exchange of it run again with a module from a file.
//!
//! `same` asks whether the module that was recorded does the same again, bit for bit; `other` what another one would have
//! decided. Neither needs a node, its configuration, or anything but the two files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use wasmtime::{InstancePre, Module};

use super::super::abi::Abi;
use super::super::engine;
use super::super::environment::Environment;
use super::super::hostcalls;
use super::super::isolation::image::Image;
use super::super::isolation::instrument;
use super::super::loading::load_error::LoadFault;
use super::super::loading::module;
use super::super::one_line::one_line;
use super::super::profile::Profile;
use super::super::rollout::version::Version;
use super::super::state::State;
use super::comparing::{self, Difference};
use super::picture;
use super::reading::{Trace, TraceError};
use super::rerun::{Rerun, Unrunnable};
use super::trace::{End, Exchange, FilterFacts, Head};
use crate::clock::{Clock, Timestamp};
use crate::config::{Filter, FilterLimits};

/// What a callback may take here: a replay is not held to the node's deadline, and must end.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why nothing can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the trace: {0}")]
    Trace(#[from] TraceError),
    #[error("the module: {0}")]
    Module(LoadFault),
    #[error("the sandbox cannot be made: {0}")]
    Sandbox(String),
    #[error("the trace is of module {recorded} and this is {found}; to compare what they decide, write --diff")]
    OtherModule { recorded: String, found: String },
}

/// What came of a replay.
#[derive(Debug, Default)]
pub struct Report {
    /// Exchanges run again.
    pub exchanges: usize,
    /// Exchanges of other builds of the filter, not run.
    pub foreign: usize,
    /// Exchanges that the recording had no room for.
    pub left_out: u64,
    pub differing: Vec<Differing>,
}

/// An exchange that came out otherwise.
#[derive(Debug)]
pub struct Differing {
    /// Its place in the trace, from 1.
    pub number: usize,
    /// Its request, as the filter found it.
    pub request: String,
    pub request_id: String,
    pub differences: Vec<Difference>,
}

/// A module and a trace, both in order.
pub struct Replay {
    trace: Trace,
    limits: FilterLimits,
    version: Version,
    abi: Abi,
    code: InstancePre<State>,
    globals: Option<Arc<[String]>>,
}

impl Replay {
    /// `limits` are those of a node that sets none; what a trace says of its own goes before.
    pub fn open(module: &Path, trace: &Path, limits: &FilterLimits) -> Result<Self, ReplayError> {
        let trace = Trace::open(trace)?;
        let (bytes, version) = module::read(module, None, limits.module_bytes_max).map_err(ReplayError::Module)?;
        let sandbox = |error: wasmtime::Error| ReplayError::Sandbox(one_line(&format!("{error:#}")));
        let engine = engine::shared().map_err(sandbox)?;
        let (bytes, globals) = instrument::prepare(&bytes);
        let compiled = Module::new(&engine, &bytes).map_err(|error| {
            let cause = one_line(&format!("{error:#}"));
            ReplayError::Module(LoadFault::Compile { path: module.to_owned(), cause })
        })?;
        let abi = module::abi(&compiled).map_err(ReplayError::Module)?;
        let code = hostcalls::tapped(&compiled).map_err(sandbox)?;
        let globals = globals.ok().map(Into::into);
        Ok(Self { trace, limits: limits.clone(), version, abi, code, globals })
    }

    /// The name of the filter that was recorded.
    pub fn filter(&self) -> &str {
        &self.trace.title.filter
    }

    /// Runs every exchange of this very module again, to the letter. One difference is told of each that differs: the
    /// first.
    pub fn same(&self) -> Result<Report, ReplayError> {
        let digits = self.version.digits();
        let recorded =
            self.trace.filters.first().filter(|_| !self.trace.filters.iter().any(|facts| facts.sha256 == digits));
        if let Some(facts) = recorded {
            return Err(ReplayError::OtherModule { recorded: facts.sha256.clone(), found: digits });
        }
        let images: Vec<_> =
            self.trace.images.iter().map(|line| (line.number, picture::image(line).map(Arc::new))).collect();
        Ok(self.report(|facts, exchange| {
            if facts.sha256 != digits {
                return None;
            }
            let image =
                images.iter().find(|(number, _)| *number == exchange.image).and_then(|(_, image)| image.as_ref());
            Some(match self.again(facts, exchange, image) {
                Ok(found) => comparing::first_difference(exchange, &found).into_iter().collect(),
                Err(why) => vec![unrunnable(&why)],
            })
        }))
    }

    /// Runs every exchange with this module, whatever was recorded, and compares what is decided.
    pub fn other(&self) -> Report {
        self.report(|facts, exchange| {
            let run = self.profile(facts, exchange).and_then(|profile| {
                let rerun = Rerun::free(&profile, &self.code).map_err(|why| why.to_string())?;
                rerun.run(exchange).map_err(|why| why.to_string())
            });
            Some(match run {
                Ok(found) => comparing::decisions(exchange, &found),
                Err(why) => vec![unrunnable(&why)],
            })
        })
    }

    fn again(&self, facts: &FilterFacts, exchange: &Exchange, image: Option<&Arc<Image>>) -> Result<Exchange, String> {
        let (Some(image), Some(names)) = (image, &self.globals) else {
            return Err("the image in the trace is none".to_owned());
        };
        if image.globals.len() != names.len() {
            return Err("the image in the trace has other globals than the module".to_owned());
        }
        let profile = self.profile(facts, exchange)?;
        let told = |why: Unrunnable| why.to_string();
        Rerun::literal(&profile, &self.code, (image, names)).map_err(told)?.run(exchange).map_err(told)
    }

    /// What an instance is made with: as on the node, at the time of the exchange, beside nobody.
    fn profile(&self, facts: &FilterFacts, exchange: &Exchange) -> Result<Arc<Profile>, String> {
        let limits = FilterLimits {
            callback_deadline: DEADLINE,
            configure_deadline: DEADLINE,
            memory_bytes_max: facts.memory_bytes_max,
            table_elements_max: facts.table_elements_max,
            log_bytes_max: facts.log_bytes_max,
            header_count_max: facts.header_count_max,
            header_bytes_max: facts.header_bytes_max,
            body_buffer_max: facts.body_buffer_max,
            ..self.limits.clone()
        };
        let clock = Clock::set_to(Timestamp::from_unix(Duration::from_nanos(exchange.at)));
        let title = &self.trace.title;
        let environment =
            Environment::new(&Registry::new(), clock, 1, &title.node).map_err(|error| error.to_string())?;
        let mut filter = Filter::new(title.filter.as_str(), "".into(), facts.settings.as_str());
        filter.vm.clone_from(&facts.vm);
        filter.vm_settings.clone_from(&facts.vm_settings);
        filter.root_id.clone_from(&facts.root_id);
        Ok(Arc::new(Profile::new(&filter, (self.version, self.abi), &limits, &environment)))
    }

    /// `run` gives the differences of one exchange; `None` where it is not run.
    fn report(&self, run: impl Fn(&FilterFacts, &Exchange) -> Option<Vec<Difference>>) -> Report {
        let End { too_large, too_fast, .. } = self.trace.end;
        let mut report = Report { left_out: too_large + too_fast, ..Report::default() };
        for (number, exchange) in (1..).zip(&self.trace.exchanges) {
            let facts = self.trace.filters.iter().find(|facts| facts.number == exchange.filter);
            let Some(differences) = facts.and_then(|facts| run(facts, exchange)) else {
                report.foreign += 1;
                continue;
            };
            report.exchanges += 1;
            if !differences.is_empty() {
                let (request, request_id) = introduced(exchange);
                report.differing.push(Differing { number, request, request_id, differences });
            }
        }
        report
    }
}

fn unrunnable(why: &impl ToString) -> Difference {
    let (place, what) = ("the start".to_owned(), "exchange".to_owned());
    Difference { place, what, expected: "it runs".to_owned(), found: why.to_string() }
}

/// The request line of an exchange, and its id.
fn introduced(exchange: &Exchange) -> (String, String) {
    let Some(step) = exchange.steps.first() else { return Default::default() };
    let value = |head: &Head, wanted: &str| {
        let found = head.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default()
    };
    let line =
        |head: &Head| format!("{} {}{}", value(head, ":method"), value(head, ":authority"), value(head, ":path"));
    let request = step.lent.request.as_ref().map(line).unwrap_or_default();
    (request, step.lent.stream.as_ref().map(|stream| stream.request_id.clone()).unwrap_or_default())
}
