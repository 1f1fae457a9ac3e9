//! The bounds of one instance's memory and tables.
//!
//! wasmtime asks it before every growth. A refusal is what WebAssembly says it is: `memory.grow` answers -1 and the guest
//! lives on; but it is remembered, so that the trap which usually follows is told as the lack of memory it is.

use wasmtime::ResourceLimiter;

use crate::config::FilterLimits;

/// Tables of one instance: compilers make one for indirect calls; exception handling and reference types a few more.
const TABLES_MAX: usize = 16;

#[derive(Debug)]
pub(in crate::filter) struct Limiter {
    memory_bytes_max: usize,
    table_elements_max: usize,
    /// Of all tables.
    table_elements: usize,
    refused: bool,
    grown: bool,
}

impl Limiter {
    pub(in crate::filter) fn new(limits: &FilterLimits) -> Self {
        Self {
            memory_bytes_max: usize::try_from(limits.memory_bytes_max).unwrap_or(usize::MAX),
            table_elements_max: usize::try_from(limits.table_elements_max).unwrap_or(usize::MAX),
            table_elements: 0,
            refused: false,
            grown: false,
        }
    }

    /// Whether a growth was ever refused.
    pub(in crate::filter) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether the memory has grown since it was `settled`.
    pub(in crate::filter) fn grown(&self) -> bool {
        self.grown
    }

    /// The memory is as large as it is meant to be.
    pub(in crate::filter) fn settled(&mut self) {
        self.grown = false;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.refused |= desired > self.memory_bytes_max;
        self.grown |= desired <= self.memory_bytes_max;
        Ok(desired <= self.memory_bytes_max)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        let fits = elements <= self.table_elements_max;
        if fits {
            self.table_elements = elements;
        }
        self.refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }
}
