//! The `forebay` program.

use std::process::ExitCode;

/// Small allocations of many sizes on every core: what a general allocator is worst at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    forebay::cli::main()
}
