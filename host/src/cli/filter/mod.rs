//! `forebay filter`: what authors of filters need beside a compiler.
//!
//! `test` runs the cases of a file (`cases`) on a `stand`, which holds the real filter host without any socket: each is a
//! `visit` that goes through the filter as an `exchange`, a `switchboard` answers the filter's calls, and a `judge` compares
//! the `outcome`. `check` tells what a module is made of, `bench` what it costs, and `new` makes
//! the crate that all this begins with. `record` brings exchanges from a running node, and `replay` runs them again.

mod arguments;

mod new;

mod answer;
mod cases;
mod content;
mod setup;
mod spelling;
mod wanted;

mod exchange;
mod heard;
mod outcome;
mod stand;
mod switchboard;
mod verbs;
mod visit;

mod judge;
mod test;

mod bench;
mod check;

mod record;
mod replay;

use std::process::ExitCode;

pub(super) use arguments::FilterCommand;

/// Does what one of the commands says.
pub(super) fn filter(command: &FilterCommand) -> anyhow::Result<ExitCode> {
    match command {
        FilterCommand::New(options) => new::new(options),
        FilterCommand::Check(options) => check::check(options),
        FilterCommand::Test(options) => test::test(options),
        FilterCommand::Bench(options) => bench::bench(options),
        FilterCommand::Record(options) => record::record(options),
        FilterCommand::Replay(options) => replay::replay(options),
    }
}
