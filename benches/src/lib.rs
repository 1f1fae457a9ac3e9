//! Benchmarks: each prints a table for RESULTS.md.
