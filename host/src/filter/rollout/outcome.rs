//! What a load did to one filter: for the log, the metric and who asked for a reload.

use super::super::loading::load_error::LoadFault;

/// What became of a filter, or of one of the settings that routes give it.
#[derive(Debug)]
pub struct Outcome {
    /// The name of the filter.
    pub filter: String,
    pub change: Change,
}

#[derive(Debug)]
pub enum Change {
    /// Another module, other settings or other limits: new exchanges meet this version.
    Loaded {
        version: String,
    },
    Unchanged {
        version: String,
    },
    /// What should come cannot be used; new exchanges meet what ran before.
    Kept {
        version: String,
        fault: LoadFault,
    },
    /// It cannot be used, and there is nothing before it.
    Failed(LoadFault),
    /// The next version cannot be used; the filter itself runs.
    CanaryFailed(LoadFault),
    /// It is no longer configured. Exchanges under way meet it to their end.
    Removed,
}

impl Change {
    /// Every `word`, for the metric's series.
    pub(in crate::filter) const WORDS: [&str; 6] =
        ["loaded", "unchanged", "kept", "failed", "canary_failed", "removed"];

    /// The word in logs, labels and answers.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "loaded",
            Self::Unchanged { .. } => "unchanged",
            Self::Kept { .. } => "kept",
            Self::Failed(_) => "failed",
            Self::CanaryFailed(_) => "canary_failed",
            Self::Removed => "removed",
        }
    }

    /// The version that runs now, where that is known.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Loaded { version } | Self::Unchanged { version } | Self::Kept { version, .. } => Some(version),
            Self::Failed(_) | Self::CanaryFailed(_) | Self::Removed => None,
        }
    }

    /// What is wrong, where something is.
    pub fn fault(&self) -> Option<&LoadFault> {
        match self {
            Self::Kept { fault, .. } | Self::Failed(fault) | Self::CanaryFailed(fault) => Some(fault),
            Self::Loaded { .. } | Self::Unchanged { .. } | Self::Removed => None,
        }
    }
}

impl Outcome {
    /// One line for the operator.
    pub(in crate::filter) fn log(&self) {
        let Self { filter, change } = self;
        let (result, version) = (change.word(), change.version());
        match change.fault() {
            Some(fault) => tracing::error!(filter, result, version, cause = %fault, "filter cannot be used"),
            None => tracing::info!(filter, result, version, "filter"),
        }
    }
}
