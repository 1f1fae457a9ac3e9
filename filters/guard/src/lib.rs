//! The guard filter.
