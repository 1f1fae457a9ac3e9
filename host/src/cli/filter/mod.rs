//! `forebay filter`: what authors of filters need beside a compiler.
//!
//! `test` runs the cases of a file (`cases`, `wanted`) on a `stand`, which holds the real filter host without any socket,
//! and a `judge` compares what came out. `check` tells what a module is made of, `bench` what it costs, and `new` makes
//! the crate that all this begins with. `record` brings exchanges from a running node, and `replay` runs them again.

mod arguments;

mod new;

mod cases;
mod wanted;

mod heard;
mod stand;

mod judge;
mod test;
mod verbs;

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
