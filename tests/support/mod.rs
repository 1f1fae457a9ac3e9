//! Support for the behaviour and process tests.
