//! What a module is to this host: which ABI it speaks, what it wants and offers, and everything that keeps it from being
//! loaded, each with a way to mend it.
//!
//! Nothing of the guest runs, so that settings are not needed; what only a start can show is `Filters::load`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::Registry;
use wasmtime::{ExternType, Linker, Store};

use super::super::abi::Abi;
use super::super::engine;
use super::super::environment::Environment;
use super::super::hostcalls;
use super::super::loading::load_error::{LoadFault, WASM_BINDGEN_HINT};
use super::super::loading::module;
use super::super::one_line::{escaped, one_line};
use super::super::profile::Profile;
use super::super::rollout::version::Version;
use super::super::state::State;
use super::callbacks::{self, Use};
use super::findings::{Import, ModuleFault, Offered, Standing};
use super::makeup::Makeup;
use crate::clock::Clock;
use crate::config::{Filter, FilterLimits};

/// A module as far as it can be known without running it.
#[derive(Debug)]
pub struct Inspection {
    pub bytes: u64,
    /// How long it took to compile.
    pub compile_time: Duration,
    /// `"0.2.1"`, `"0.2.0"` or `"0.1.0"`.
    pub abi: Option<&'static str>,
    pub imports: Vec<Import>,
    /// Exports that the ABI knows as callbacks.
    pub callbacks: Vec<Offered>,
    /// Exports that look like callbacks, and that no host calls.
    pub unknown: Vec<String>,
    pub memory_bytes: Option<u64>,
    pub memory_bytes_max: Option<u64>,
    pub table_elements: u64,
    pub functions: u64,
    pub mutable_globals: u64,
    /// Whether a backtrace can name functions.
    pub names: bool,
    /// Empty where the module can be loaded.
    pub faults: Vec<ModuleFault>,
}

impl Inspection {
    /// The module in `file`; an error where it is none, or larger than a node reads.
    pub fn of(file: &Path, limits: &FilterLimits) -> Result<Self, LoadFault> {
        let (bytes, _) = module::read(file, None, limits.module_bytes_max)?;
        let sandbox = |error: wasmtime::Error| LoadFault::Sandbox(one_line(&format!("{error:#}")));
        let unfit = |cause: String| LoadFault::Compile { path: file.to_owned(), cause: one_line(&cause) };
        let engine = engine::shared().map_err(sandbox)?;
        let begun = Instant::now();
        let code = wasmtime::Module::from_binary(&engine, &bytes).map_err(|error| unfit(format!("{error:#}")))?;
        let compile_time = begun.elapsed();
        let makeup = Makeup::of(&bytes).map_err(|error| unfit(error.to_string()))?;
        let linker = hostcalls::linker(&engine).map_err(sandbox)?;
        let mut inspection = Self::blank(bytes.len() as u64, &makeup);
        inspection.compile_time = compile_time;
        let abi = code.exports().find_map(|export| Abi::marked_by(export.name()));
        inspection.abi = abi.map(Abi::number);
        inspection.look_at_imports(&code, (&linker, &mut store(&engine, limits)?));
        inspection.look_at_exports(&code, abi);
        inspection.look_at_sizes(limits);
        Ok(inspection)
    }

    fn blank(bytes: u64, makeup: &Makeup) -> Self {
        Self {
            bytes,
            compile_time: Duration::ZERO,
            abi: None,
            imports: Vec::new(),
            callbacks: Vec::new(),
            unknown: Vec::new(),
            memory_bytes: makeup.memory_bytes,
            memory_bytes_max: makeup.memory_bytes_max,
            table_elements: makeup.table_elements,
            functions: makeup.functions,
            mutable_globals: makeup.mutable_globals,
            names: makeup.names,
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, word: &'static str, what: String, mend: impl Into<String>) {
        self.faults.push(ModuleFault { word, what, mend: mend.into() });
    }

    fn look_at_imports(&mut self, code: &wasmtime::Module, (linker, store): (&Linker<State>, &mut Store<State>)) {
        for import in code.imports() {
            let name = escaped(&format!("{}.{}", import.module(), import.name()));
            let standing = match linker.get_by_import(&mut *store, &import) {
                None => Standing::Missing,
                Some(found) => match (found.ty(&*store), import.ty()) {
                    (ExternType::Func(has), ExternType::Func(wants)) if has.matches(&wants) => {
                        let unimplemented = import.module() == "env" && hostcalls::is_unimplemented(import.name());
                        if unimplemented { Standing::Unimplemented } else { Standing::Answered }
                    }
                    _ => Standing::Mistyped,
                },
            };
            match standing {
                Standing::Missing => self.missing(import.module(), &name),
                Standing::Mistyped => {
                    let mend = "build it with an SDK for proxy-wasm 0.2.1, 0.2.0 or 0.1.0, or correct the declaration";
                    self.fault("import_type", format!("{name} is imported with another type than it has"), mend);
                }
                Standing::Answered | Standing::Unimplemented => {}
            }
            self.imports.push(Import { name, standing });
        }
    }

    fn missing(&mut self, module: &str, name: &str) {
        let mend = match module {
            glue if glue.starts_with("__wbindgen") => WASM_BINDGEN_HINT.trim_start_matches(". ").to_owned(),
            "wasi_snapshot_preview1" | "wasi_unstable" => {
                "WASI preview 1 has no such call: build it with a newer toolchain for wasm32-wasip1".to_owned()
            }
            module if module.starts_with("wasi:") => {
                "it is made for WASI preview 2: build it for wasm32-wasip1 or wasm32-unknown-unknown".to_owned()
            }
            _ => "declare only what the proxy-wasm ABI has; a function that the linker did not find ends here too"
                .to_owned(),
        };
        self.fault("import_missing", format!("{name} is imported, and no proxy-wasm host has it"), mend);
    }

    fn look_at_exports(&mut self, code: &wasmtime::Module, abi: Option<Abi>) {
        if abi.is_none() {
            let what = "it exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1";
            let mend =
                "build it with a proxy-wasm SDK, as a library (in Rust crate-type = [\"cdylib\"]) that exports them";
            self.fault("no_abi", what.to_owned(), mend);
        }
        if !matches!(code.get_export("memory"), Some(ExternType::Memory(_))) {
            let mend = "export it by that name; linkers for WebAssembly do unless told otherwise";
            self.fault("no_memory", "it exports no memory with the name \"memory\"".to_owned(), mend);
        }
        for export in code.exports().filter(|export| export.name().starts_with("proxy_")) {
            let name = export.name();
            if name.starts_with("proxy_abi_version_") {
                continue;
            }
            match callbacks::callback(name, abi) {
                Some(callback) => {
                    if let Some(found) = mistyped(&export.ty(), &callback) {
                        let mend = format!("give it {} i32 arguments and {}", callback.arguments, result(&callback));
                        self.fault("callback_type", format!("{name} is {found}"), mend);
                    }
                    self.callbacks.push(Offered { name: name.to_owned(), called: callback.used == Use::Called });
                }
                None => self.unknown.push(escaped(name)),
            }
        }
    }

    fn look_at_sizes(&mut self, limits: &FilterLimits) {
        if let Some(bytes) = self.memory_bytes.filter(|bytes| *bytes > limits.memory_bytes_max) {
            let what = format!(
                "its memory begins with {bytes} bytes, and filter_limits.memory is {}",
                limits.memory_bytes_max
            );
            self.fault("memory_size", what, "give it a smaller stack or less static data, or raise the limit");
        }
        if self.table_elements > limits.table_elements_max {
            let elements = self.table_elements;
            let what = format!(
                "its tables begin with {elements} elements, and filter_limits.tables is {}",
                limits.table_elements_max
            );
            self.fault("table_size", what, "leave out what is not used (link-time optimisation), or raise the limit");
        }
    }
}

/// What an export is instead of `callback`; `None` where it is one.
fn mistyped(export: &ExternType, callback: &callbacks::Callback) -> Option<String> {
    let ExternType::Func(function) = export else { return Some("no function".to_owned()) };
    let all_i32 = function.params().chain(function.results()).all(|value| matches!(value, wasmtime::ValType::I32));
    let shape = (function.params().len(), function.results().len());
    let right = all_i32 && shape == (callback.arguments, callback.results);
    (!right).then(|| {
        let list = |values: Vec<String>| if values.is_empty() { "nothing".to_owned() } else { values.join(", ") };
        let takes = list(function.params().map(|value| value.to_string()).collect());
        format!("a function from {takes} to {}", list(function.results().map(|value| value.to_string()).collect()))
    })
}

fn result(callback: &callbacks::Callback) -> &'static str {
    if callback.results == 0 { "no result" } else { "an i32 result" }
}

/// A store to look imports up with; nothing runs in it.
fn store(engine: &wasmtime::Engine, limits: &FilterLimits) -> Result<Store<State>, LoadFault> {
    let environment = Environment::new(&Registry::new(), Clock::system(), 1, "inspection")
        .map_err(|error| LoadFault::Sandbox(error.to_string()))?;
    let filter = Filter::new("inspection", PathBuf::new(), "");
    let profile = Profile::new(&filter, (Version::of(b""), Abi::V0_2_1), limits, &environment);
    Ok(Store::new(engine, State::new(Arc::new(profile))))
}
