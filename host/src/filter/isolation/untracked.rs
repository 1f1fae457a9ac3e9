//! In the place of `tracking`, where a platform lacks what that takes: nothing is put back, and `replica` makes a copy of
//! the image for every exchange.

use std::io;
use std::sync::Arc;

use wasmtime::{Config, Memory, Store};

pub(in crate::filter) const KEPT_MAX: usize = 64;
#[cfg(test)]
pub(in crate::filter) const FORGOTTEN_AFTER: u32 = 1024;

/// An image's memory.
pub(in crate::filter) struct Sealed(Box<[u8]>);

impl Sealed {
    pub(in crate::filter) fn take(bytes: &[u8]) -> io::Result<Self> {
        Ok(Self(bytes.into()))
    }

    pub(in crate::filter) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// There is none.
pub(in crate::filter) enum Tracked {}

pub(in crate::filter) struct Difference;

impl Tracked {
    pub(in crate::filter) fn new<T: 'static>(_: &mut Store<T>, _: Memory, _: Arc<Sealed>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::filter) fn overrun(&self) -> bool {
        match *self {}
    }

    pub(in crate::filter) fn pages(&self) -> Option<usize> {
        match *self {}
    }

    pub(in crate::filter) fn restore(&mut self, _: &mut [u8]) -> io::Result<()> {
        match *self {}
    }

    pub(in crate::filter) fn differs(&self, _: &[u8]) -> bool {
        match *self {}
    }

    pub(in crate::filter) fn difference(&self, _: &[u8]) -> Difference {
        match *self {}
    }

    pub(in crate::filter) fn apply(&mut self, _: &mut [u8], _: &Difference) -> io::Result<()> {
        match *self {}
    }
}

/// The sandbox's own memories will do.
pub(in crate::filter) fn prepare(_: &mut Config) {}
