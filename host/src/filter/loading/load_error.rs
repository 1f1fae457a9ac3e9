//! Why a filter could not be loaded.
//!
//! Made by `module`, `starter` and `filters` while the node starts or checks its configuration; all errors of a
//! configuration are listed at once, each on one line that says which filter, what is wrong and how to mend it.

use std::io;
use std::path::PathBuf;

use super::complaint::Complaint;
use crate::config::Pin;

/// A filter that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("filter {filter}: {fault}")]
pub struct LoadError {
    /// The name of the filter.
    pub filter: String,
    #[source]
    pub fault: LoadFault,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    #[error("no filter has this name")]
    Unknown,
    #[error("module {path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("module {path} is larger than filter_limits.module, which is {max} bytes")]
    TooLarge { path: PathBuf, max: u64 },
    #[error(
        "module {path} has the sha256 {found}, not {} as {} says: pin the new digest, or restore the module",
        pin.digest, pin.place
    )]
    Digest { path: PathBuf, pin: Box<Pin>, found: String },
    #[error("module {path} is not a WebAssembly module this node can run: {cause}")]
    Compile { path: PathBuf, cause: String },
    #[error("it exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1: build it with a proxy-wasm SDK")]
    NoAbi,
    #[error("it exports no memory")]
    NoMemory,
    /// Compilers put the stack at the beginning of memory; some make it as large as a filter may be.
    #[error(
        "it starts with {declared} bytes of memory, and filter_limits.memory is {max}: raise that, or link the module with \
         a smaller stack (-z stack-size)"
    )]
    Memory { declared: u64, max: u64 },
    #[error("it imports what no proxy-wasm host has: {}{hint}", imports.join(", "))]
    Imports { imports: Vec<String>, hint: &'static str },
    #[error("an import or export has the wrong type: {0}")]
    Type(String),
    #[error("it failed to start: {cause}{complaint}{}{backtrace}", if backtrace.is_empty() { "" } else { "; " })]
    Start { cause: String, complaint: Complaint, backtrace: String },
    #[error("it refused its settings: {callback} answered false{complaint}")]
    Refused { callback: &'static str, complaint: Complaint },
    #[error("there are as many instances of it as may be")]
    Instances,
    #[error("an instance cannot be made from its image: {0}")]
    Image(String),
    #[error("the sandbox cannot be set up: {0}")]
    Sandbox(String),
}

/// Appended where a module wants a browser's glue.
pub(in crate::filter) const WASM_BINDGEN_HINT: &str = ". __wbindgen imports come from wasm-bindgen: build the crates that pull it in \
     without that feature (chrono: default-features = false, without wasmbind; getrandom: without js)";
