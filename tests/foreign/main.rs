//! Filters that nobody here wrote the SDK of, and languages that nobody here writes filters in; and the SDK of this
//! repository: the modules that `scripts/build-guests` makes of tests/guests, in the real program.
//!
//! A guest that was not built is skipped and named in the notes of the test run.

mod bodies;
mod calls;
mod errands;
mod greeting;
mod hostile;
mod node;
mod parts;
mod plugin;
mod rehearsed;
