//! What `inspector` finds in a module: imports, callbacks, and faults with a way to mend each.
//!
//! Plain data with stable words, shown by `forebay filter check`.

/// Something a module imports, as `module.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub name: String,
    pub standing: Standing,
}

/// What this host has for an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Answered,
    /// Links, and answers `UNIMPLEMENTED` when it is called.
    Unimplemented,
    /// There by this name with another type.
    Mistyped,
    Missing,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unimplemented => "unimplemented",
            Self::Mistyped => "mistyped",
            Self::Missing => "missing",
        }
    }
}

/// A callback that a module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub name: String,
    /// Whether this host ever calls it.
    pub called: bool,
}

/// One reason why a module cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFault {
    /// Stable: `no_abi`, `no_memory`, `import_missing`, `import_type`, `callback_type`, `memory_size`, `table_size`.
    pub word: &'static str,
    pub what: String,
    pub mend: String,
}
