//! What eviction did, counted, for the metrics.

/// Why a segment was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The budget was used up.
    Size,
    /// There were too many files.
    Files,
    /// The disk was full before the budget was.
    NoSpace,
}

impl Reason {
    pub(super) const ALL: [Self; 3] = [Self::Size, Self::Files, Self::NoSpace];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Files => "files",
            Self::NoSpace => "no_space",
        }
    }
}

/// Records and the bytes they take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    removed: [Amount; Reason::ALL.len()],
    /// Written again, because they were read or are needed.
    pub(super) kept: Amount,
}

impl Tally {
    /// Records that were the newest of their keys, and are gone.
    pub(super) fn removed(&self, reason: Reason) -> Amount {
        self.removed[reason as usize]
    }

    pub(super) fn remove(&mut self, reason: Reason, bytes: u64) {
        self.removed[reason as usize].add(bytes);
    }
}
