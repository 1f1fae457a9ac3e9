//! A module: read, held to its digest, compiled and linked.
//!
//! Everything that can be known without running the guest is checked here, so that a module this node cannot run is told
//! at load, with everything that is wrong with it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use wasmtime::{InstancePre, Linker, Store};

use super::super::abi::Abi;
use super::super::isolation::instrument::Refusal;
use super::super::one_line::{escaped, one_line};
use super::super::rollout::version::Version;
use super::super::state::State;
use super::load_error::{LoadFault, WASM_BINDGEN_HINT};
use crate::config::Pin;

/// Code that instances can be made of.
#[derive(Clone)]
pub(in crate::filter) struct Module {
    pub(in crate::filter) version: Version,
    pub(in crate::filter) abi: Abi,
    pub(in crate::filter) code: InstancePre<State>,
    /// The names its mutable globals are exported under, where its instances can be reset.
    pub(in crate::filter) globals: Result<Arc<[String]>, Refusal>,
}

/// The bytes of the module at `path` and which build they are, if they are not too many and match the pinned digest.
pub(in crate::filter) fn read(path: &Path, pin: Option<&Pin>, bytes_max: u64) -> Result<(Vec<u8>, Version), LoadFault> {
    let fault = |source| LoadFault::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fault)?;
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > bytes_max {
        return Err(LoadFault::TooLarge { path: path.to_owned(), max: bytes_max });
    }
    let version = Version::of(&bytes);
    if let Some(pin) = pin {
        check_digest(path, version, pin)?;
    }
    Ok((bytes, version))
}

fn check_digest(path: &Path, version: Version, pin: &Pin) -> Result<(), LoadFault> {
    let found = version.digits();
    if found == pin.digest {
        return Ok(());
    }
    Err(LoadFault::Digest { path: path.to_owned(), pin: Box::new(pin.clone()), found })
}

/// Finds out which ABI the module speaks.
pub(in crate::filter) fn abi(code: &wasmtime::Module) -> Result<Abi, LoadFault> {
    code.exports().find_map(|export| Abi::marked_by(export.name())).ok_or(LoadFault::NoAbi)
}

/// Whether its instances can have the memory that they start with.
pub(in crate::filter) fn check_memory(code: &wasmtime::Module, max: u64) -> Result<(), LoadFault> {
    let memories = code.exports().filter_map(|export| export.ty().memory().cloned());
    let declared = memories.map(|memory| memory.minimum().saturating_mul(memory.page_size())).max();
    match declared {
        Some(declared) if declared > max => Err(LoadFault::Memory { declared, max }),
        _ => Ok(()),
    }
}

/// Binds the module's imports to host calls. `store` is any store; it is only looked through.
pub(in crate::filter) fn link(
    code: &wasmtime::Module,
    linker: &Linker<State>,
    store: &mut Store<State>,
) -> Result<InstancePre<State>, LoadFault> {
    let unknown = code.imports().filter(|import| linker.get_by_import(&mut *store, import).is_none());
    let imports: Vec<String> =
        unknown.map(|import| escaped(&format!("{}.{}", import.module(), import.name()))).collect();
    if imports.is_empty() {
        return linker.instantiate_pre(code).map_err(|error| LoadFault::Type(one_line(&format!("{error:#}"))));
    }
    let glue = imports.iter().any(|import| import.starts_with("__wbindgen"));
    Err(LoadFault::Imports { imports, hint: if glue { WASM_BINDGEN_HINT } else { "" } })
}
