//! The filter host without a node: one loaded filter, and exchanges that go through it one after the other.
//!
//! It has the filter as a node has it, but for origins, which a case scripts (`switchboard`). A case runs on a runtime of
//! this thread, as an exchange does on its worker's; nothing in it waits for the clock.

use std::path::Path;

use futures_util::FutureExt;
use prometheus::Registry;
use tokio::runtime::{Builder, Handle, Runtime};

use super::answer::Scripted;
use super::cases::Given;
use super::exchange::{Exchange, Message, Phase};
use super::outcome::{Failing, Outcome};
use super::setup::Setup;
use super::switchboard::Switchboard;
use super::visit::Visit;
use crate::clock::Clock;
use crate::config::{self, Filter, FilterCondition, FilterLimits, RouteFilter, Side};
use crate::filter::{Chain, Environment, Filters, Wanted};
use crate::semantics::BadTarget;

/// A loaded filter.
pub(super) struct Stand {
    chain: Chain,
    clock: Clock,
    switchboard: Switchboard,
    runtime: Runtime,
    // Instances run on its engine.
    _filters: Filters,
}

/// The bounds of a node that sets none.
pub(super) fn limits() -> anyhow::Result<FilterLimits> {
    let config = config::for_origin("http://127.0.0.1:1", None, None);
    config.map(|config| config.filter_limits).map_err(|faults| anyhow::anyhow!("the defaults are wrong: {faults}"))
}

impl Stand {
    /// Loads the module under its file's name; the error is why that cannot be.
    pub(super) fn load(module: &Path, setup: &Setup) -> anyhow::Result<Self> {
        let (clock, switchboard) = (Clock::system(), Switchboard::default());
        let environment = Environment::new(&Registry::new(), clock.clone(), 1, "filter-test")?;
        let environment = environment.calling(switchboard.clone().into());
        let name = module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let filter = Filter::new(name.clone(), module.to_owned(), &*setup.settings);
        let filter = [Filter { header_pause: setup.header_pause, ..filter }];
        let wanted = Wanted { filters: &filter, limits: &limits()?, routes: &[], cache: None };
        let filters = Filters::load(&wanted, &environment).map_err(|mut errors| match errors.pop() {
            Some(error) => anyhow::anyhow!("{}", error.fault),
            None => anyhow::anyhow!("it did not load"),
        })?;
        let element = RouteFilter { name, settings: None, at: Side::Client, condition: FilterCondition::default() };
        let chain = filters.chain(&[element])?;
        let runtime = Builder::new_current_thread().enable_time().build()?;
        Ok(Self { chain, clock, switchboard, runtime, _filters: filters })
    }

    /// Takes a request apart as a listener does.
    pub(super) fn visit(&self, given: &Given) -> Result<Visit, BadTarget> {
        Visit::new(given, self.clock.now())
    }

    /// One whole exchange for its cost alone, with these answers to the filter's calls; `over` hears the end of each phase.
    /// An error where the filter fails.
    pub(super) fn pass(
        &self,
        (visit, answer): (Visit, Message),
        calls: &[Scripted],
        mut over: impl FnMut(Phase),
    ) -> Result<(), Failing> {
        if !calls.is_empty() {
            self.switchboard.begin(calls);
        }
        let mut exchange = Exchange::begin(&self.chain, visit, answer);
        for phase in Phase::ALL {
            if calls.is_empty() {
                // Whoever can call nobody waits for nothing, and what a runtime costs is not the filter's.
                let _ = exchange.pass(phase).now_or_never();
            } else {
                self.runtime.block_on(async {
                    exchange.pass(phase).await;
                    settle().await;
                });
            }
            over(phase);
        }
        exchange.failed().map_or(Ok(()), Err)
    }

    /// One whole exchange, with these answers to the filter's calls.
    pub(super) fn run(&self, (visit, answer): (Visit, Message), calls: &[Scripted], properties: &[String]) -> Outcome {
        self.switchboard.begin(calls);
        let mut outcome = self.runtime.block_on(async {
            let mut exchange = Exchange::begin(&self.chain, visit, answer);
            let [asking, behind @ ..] = Phase::ALL;
            exchange.pass(asking).await;
            let head = exchange.target();
            for phase in behind {
                settle().await;
                exchange.pass(phase).await;
            }
            let outcome = exchange.finish(head, properties);
            settle().await;
            outcome
        });
        outcome.calls = self.switchboard.end();
        outcome
    }

    /// Pages that are put back after each exchange; `None` where exchanges are kept apart another way.
    pub(super) fn pages_written(&self) -> Option<usize> {
        self.chain.pages_written()
    }

    /// Starts one more instance, as a worker does that finds none idle; the bytes of its memory.
    pub(super) fn start_anew(&self) -> Option<u64> {
        self.chain.start_anew()
    }
}

/// Lets calls that nobody waits for be answered too: their answers come between two phases.
async fn settle() {
    while Handle::current().metrics().num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}
