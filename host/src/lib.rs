//! Forebay: a CDN edge node that its users program with WebAssembly filters.
//!
//! The modules stand in layers, and each one imports only from below (ARCHITECTURE.md draws them, `tests/tidy` holds
//! them): `cli` and `node` over `listener` and `admin`, over `exchange`, over `filter`, `cache` and `origin`, over
//! `semantics`, over `config`, over `body`, `clock`, `worker` and `telemetry`.

pub mod admin;
pub mod body;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod exchange;
pub mod filter;
pub mod listener;
pub mod node;
pub mod origin;
pub mod semantics;
pub mod telemetry;
pub mod worker;
