//! What a right store would say: for each key everything ever written, and from which on it may be read.

use std::collections::HashMap;

/// One version of a key; `None` is a removal.
type Version = Option<u64>;

#[derive(Debug, Default)]
struct History {
    versions: Vec<Version>,
    /// The first version that may still be read: the newest that was acknowledged.
    from: usize,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    keys: HashMap<u64, History>,
}

impl Model {
    /// A write was tried; `acknowledged` says whether the store reported that it is there.
    pub(super) fn wrote(&mut self, key: u64, version: Version, acknowledged: bool) {
        let history = self.keys.entry(key).or_default();
        history.versions.push(version);
        if acknowledged {
            history.from = history.versions.len() - 1;
        }
    }

    /// May a read of `key` bring this? Nothing at all may always be brought: it is a cache.
    pub(super) fn allows(&self, key: u64, read: Version) -> bool {
        let Some(version) = read else { return true };
        self.keys.get(&key).is_some_and(|history| history.versions[history.from..].contains(&Some(version)))
    }

    /// What a store that lost nothing would bring.
    pub(super) fn newest(&self, key: u64) -> Version {
        self.keys.get(&key).and_then(|history| history.versions.get(history.from).copied().flatten())
    }
}
