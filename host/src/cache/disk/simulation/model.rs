//! What a right log would say: for each key everything ever written, and from which on it may be read.

use std::collections::HashMap;

/// The store whose log it is.
pub(super) const STORE: u64 = 77;

/// One version of a key; `None` is a removal.
pub(super) type Version = Option<u64>;

#[derive(Debug)]
struct History {
    /// From nothing at all on.
    versions: Vec<Version>,
    /// The first version that a restart may still find: the newest that was acknowledged.
    from: usize,
    /// What this process may read, if it wrote the key: what was acknowledged last, or nothing after a failure.
    here: Option<Version>,
}

impl Default for History {
    fn default() -> Self {
        Self { versions: vec![None], from: 0, here: None }
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    keys: HashMap<u64, History>,
}

impl Model {
    /// A write was tried; `acknowledged` says whether the log reported that it is there.
    pub(super) fn wrote(&mut self, key: u64, version: Version, acknowledged: bool) {
        let history = self.keys.entry(key).or_default();
        history.versions.push(version);
        history.here = Some(None);
        if acknowledged {
            history.from = history.versions.len() - 1;
            history.here = Some(version);
        }
    }

    /// The process began anew: what failed may have reached the disk all the same.
    pub(super) fn restart(&mut self) {
        self.keys.values_mut().for_each(|history| history.here = None);
    }

    /// Nothing that was acknowledged needs to be there any more.
    pub(super) fn lose_power(&mut self) {
        self.keys.values_mut().for_each(|history| history.from = 0);
    }

    /// May a read of `key` bring this? Nothing at all may always be brought: it is a cache.
    pub(super) fn allows(&self, key: u64, read: Version) -> bool {
        let Some(version) = read else { return true };
        self.keys.get(&key).is_some_and(|history| match history.here {
            Some(here) => here == Some(version),
            None => history.versions[history.from..].contains(&Some(version)),
        })
    }

    /// Is this what a log brings that lost nothing?
    pub(super) fn is_newest(&self, key: u64, read: Version) -> bool {
        self.keys.get(&key).map_or(read.is_none(), |history| history.versions[history.from..].contains(&read))
    }
}
