//! The node beside a model: random requests, answers, clock steps and failures, each answer compared with what RFC 9111
//! and RFC 5861 allow at that moment.
//!
//! `terms` and `event` make the chance, `site` is the origin, `rules` are the RFCs, `ledger` knows what a cache may have,
//! `judge` compares, `course` runs a sequence and shortens one that fails. `FOREBAY_MODEL_SEED` runs one sequence again,
//! `FOREBAY_MODEL_SEQUENCES` says how many are run.

mod course;
mod event;
mod judge;
mod ledger;
mod record;
mod rules;
mod site;
mod terms;
mod told;

use course::Course;

/// Sequences of a test run; a few seconds.
const SEQUENCES: u64 = 300;

#[tokio::test]
async fn every_answer_is_one_that_the_model_allows() {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match number("FOREBAY_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FOREBAY_MODEL_SEQUENCES").unwrap_or(SEQUENCES),
    };
    for seed in seeds {
        if let Err(failure) = Course::random(seed).run().await {
            let failure = failure.shortest().await;
            panic!("FOREBAY_MODEL_SEED={seed} fails:\n{failure}");
        }
    }
}
