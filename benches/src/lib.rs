//! Benchmarks: each prints a table for RESULTS.md.
//!
//! `versus` measures what a request costs the server's processor, Forebay beside nginx: `mix` says what is asked for,
//! `origin` makes it, `server` runs the programs, `load` asks, `cpu` reads the bill, `table` writes it down.

pub mod cpu;
pub mod load;
pub mod mix;
pub mod origin;
pub mod server;
pub mod table;
