//! Values that may be given only once in a file: addresses, names, the place of a route.

use std::collections::HashMap;

/// What has been given so far, each with the key path that gave it first.
#[derive(Default)]
pub(super) struct Unique(HashMap<String, String>);

impl Unique {
    /// Takes `value` for the key at `path`; the key path that already has it, where one does.
    pub(super) fn claim(&mut self, value: impl Into<String>, path: &str) -> Result<(), &str> {
        use std::collections::hash_map::Entry;
        match self.0.entry(value.into()) {
            Entry::Vacant(free) => {
                free.insert(path.to_owned());
                Ok(())
            }
            Entry::Occupied(taken) => Err(taken.into_mut()),
        }
    }
}
