//! Benchmarks: each prints a table for RESULTS.md.
//!
//! An `object` describes itself in its path: `origin` makes it, an `ask` wants it. `mix` and `profile` say what is asked
//! for, `server` runs the programs as their `configuration` has them, with the filters of a `chain` or a `guest`, `load`
//! asks over `connection`s, `verdict` reads what a server says of its answer, `cpu` and `holdings` read the bill, `times`
//! and `table` write it down.

pub mod ask;
pub mod chain;
pub mod configuration;
pub mod connection;
pub mod cpu;
pub mod guest;
pub mod holdings;
pub mod load;
pub mod mix;
pub mod object;
pub mod origin;
pub mod profile;
pub mod server;
pub mod table;
pub mod times;
pub mod verdict;
