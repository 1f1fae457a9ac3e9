//! Why a canary gets no more exchanges: the word in the log, the metric and the list of filters.

/// Why a canary was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Rollback {
    /// It traps, misses deadlines or breaks other bounds more often.
    Failures,
    /// Its exchanges end in a 5xx more often.
    Errors,
}

impl Rollback {
    pub(in crate::filter) const ALL: [Self; 2] = [Self::Failures, Self::Errors];

    /// The word in logs and labels.
    pub(in crate::filter) fn word(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Errors => "errors",
        }
    }
}
