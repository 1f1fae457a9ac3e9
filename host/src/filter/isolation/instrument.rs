//! A module made ready to be reset: its mutable globals exported, so that the host can read and write them.
//!
//! An instance is put back to its image by its memory and its globals alone. Here a module is looked through for what
//! would outlast that (tables it writes, segments it drops), and written again with one export more per mutable global.

use std::borrow::Cow;

use wasm_encoder::{ExportKind, ExportSection, RawSection};
use wasmparser::{
    ExportSectionReader, ExternalKind, FunctionBody, GlobalSectionReader, ImportSectionReader, MemorySectionReader,
    Operator, Parser, Payload, TypeRef, ValType,
};

/// What the names of added exports begin with; the global's number follows.
const GLOBAL: &str = "forebay:global:";

/// The module to compile, and the names its mutable globals are exported under.
#[derive(Debug)]
pub(in crate::filter) struct Instrumented {
    pub(in crate::filter) bytes: Vec<u8>,
    pub(in crate::filter) globals: Vec<String>,
}

/// Why a module's instances cannot be put back bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::filter) enum Refusal {
    /// It writes to a table as it runs.
    #[error("table_written")]
    TableWritten,
    /// It drops a segment as it runs, and instances made later would have it again.
    #[error("segment_dropped")]
    SegmentDropped,
    /// A mutable global holds a reference, which is worth nothing in another instance.
    #[error("reference_global")]
    ReferenceGlobal,
    /// It has not exactly one ordinary memory of its own.
    #[error("memories")]
    Memories,
    /// It imports something that is no function.
    #[error("import")]
    Import,
    /// It exports nothing, or under a name that is the host's.
    #[error("exports")]
    Exports,
    /// It cannot be taken apart; compiling it will say why.
    #[error("unreadable")]
    Unreadable,
}

impl From<wasmparser::BinaryReaderError> for Refusal {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Unreadable
    }
}

/// Writes the module `bytes` again with its mutable globals exported.
pub(in crate::filter) fn instrument(bytes: &[u8]) -> Result<Instrumented, Refusal> {
    let globals = mutable_globals(bytes)?;
    let mut module = wasm_encoder::Module::new();
    let mut exported = false;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::ExportSection(section) = &payload {
            module.section(&exports(section.clone(), &globals)?);
            exported = true;
        } else if let Some((id, range)) = payload.as_section() {
            let data = bytes.get(range).ok_or(Refusal::Unreadable)?;
            module.section(&RawSection { id, data });
        }
    }
    if !exported {
        return Err(Refusal::Exports);
    }
    Ok(Instrumented { bytes: module.finish(), globals: globals.iter().map(|index| export_name(*index)).collect() })
}

fn export_name(index: u32) -> String {
    format!("{GLOBAL}{index}")
}

/// Looks through the whole module, and finds the numbers of its mutable globals.
fn mutable_globals(bytes: &[u8]) -> Result<Vec<u32>, Refusal> {
    let mut globals = Vec::new();
    let mut memories = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => check_imports(section)?,
            Payload::MemorySection(section) => memories += check_memories(section)?,
            Payload::GlobalSection(section) => globals = find_mutable(section)?,
            Payload::CodeSectionEntry(body) => check_code(&body)?,
            _ => {}
        }
    }
    if memories == 1 { Ok(globals) } else { Err(Refusal::Memories) }
}

fn check_imports(section: ImportSectionReader<'_>) -> Result<(), Refusal> {
    for import in section.into_imports() {
        if !matches!(import?.ty, TypeRef::Func(_)) {
            return Err(Refusal::Import);
        }
    }
    Ok(())
}

/// Counts the memories.
fn check_memories(section: MemorySectionReader<'_>) -> Result<usize, Refusal> {
    let mut count = 0;
    for memory in section {
        let memory = memory?;
        if memory.shared || memory.memory64 || memory.page_size_log2.is_some() {
            return Err(Refusal::Memories);
        }
        count += 1;
    }
    Ok(count)
}

fn find_mutable(section: GlobalSectionReader<'_>) -> Result<Vec<u32>, Refusal> {
    let mut found = Vec::new();
    // No global is imported, so their numbers begin here.
    for (index, global) in (0..).zip(section) {
        let ty = global?.ty;
        match ty.content_type {
            _ if !ty.mutable => {}
            ValType::Ref(_) => return Err(Refusal::ReferenceGlobal),
            _ => found.push(index),
        }
    }
    Ok(found)
}

/// The sandbox knows neither objects nor shared memory: of what is written outside of memories and globals, tables and
/// dropped segments remain.
fn check_code(body: &FunctionBody<'_>) -> Result<(), Refusal> {
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => return Err(Refusal::TableWritten),
            Operator::DataDrop { .. } | Operator::ElemDrop { .. } => return Err(Refusal::SegmentDropped),
            _ => {}
        }
    }
    Ok(())
}

/// The module's exports, and then its mutable globals.
fn exports(section: ExportSectionReader<'_>, globals: &[u32]) -> Result<ExportSection, Refusal> {
    let mut exports = ExportSection::new();
    for export in section {
        let export = export?;
        if export.name.starts_with(GLOBAL) {
            return Err(Refusal::Exports);
        }
        let kind = match export.kind {
            ExternalKind::Func => ExportKind::Func,
            ExternalKind::Table => ExportKind::Table,
            ExternalKind::Memory => ExportKind::Memory,
            ExternalKind::Global => ExportKind::Global,
            ExternalKind::Tag => ExportKind::Tag,
            ExternalKind::FuncExact => return Err(Refusal::Exports),
        };
        exports.export(export.name, kind, export.index);
    }
    for index in globals {
        exports.export(&export_name(*index), ExportKind::Global, *index);
    }
    Ok(exports)
}

/// What to compile: the module instrumented where it can be, as it is where not.
pub(in crate::filter) fn prepare(bytes: &[u8]) -> (Cow<'_, [u8]>, Result<Vec<String>, Refusal>) {
    match instrument(bytes) {
        Ok(Instrumented { bytes, globals }) => (Cow::Owned(bytes), Ok(globals)),
        Err(refusal) => (Cow::Borrowed(bytes), Err(refusal)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::*;

    fn of(wat: &str) -> Result<Instrumented, Refusal> {
        instrument(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn every_mutable_global_is_exported() {
        let wat = r#"(module (memory (export "memory") 1)
            (global (mut i32) (i32.const 1)) (global i32 (i32.const 2)) (global (export "mine") (mut f64) (f64.const 3))
            (table 1 funcref) (elem (i32.const 0) $f)
            (func $f (export "f") (result i32) (global.get 0)) (data (i32.const 0) "x"))"#;
        let made = of(wat).unwrap();
        assert_eq!(made.globals, ["forebay:global:0", "forebay:global:2"]);
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::from_binary(&engine, &made.bytes).unwrap();
        let names: Vec<&str> = module.exports().map(|export| export.name()).collect();
        assert_eq!(names, ["memory", "mine", "f", "forebay:global:0", "forebay:global:2"]);
        let mut store = wasmtime::Store::new(&engine, ());
        let guest = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        guest.get_global(&mut store, "forebay:global:0").unwrap().set(&mut store, 7.into()).unwrap();
        let f = guest.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 7);
    }

    #[test]
    fn what_a_reset_cannot_hold_is_refused() {
        let memory = r#"(memory (export "memory") 1)"#;
        let table = "(table $t 2 funcref)";
        let code = |body: &str| format!("(module {memory} {table} (elem $e func) (data $d \"x\") (func {body}))");
        for (wat, refusal) in [
            (code("(table.set $t (i32.const 0) (ref.null func))"), Refusal::TableWritten),
            (code("(drop (table.grow $t (ref.null func) (i32.const 1)))"), Refusal::TableWritten),
            (code("(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))"), Refusal::TableWritten),
            (code("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))"), Refusal::TableWritten),
            (code("(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0))"), Refusal::TableWritten),
            (code("(elem.drop $e)"), Refusal::SegmentDropped),
            (code("(data.drop $d)"), Refusal::SegmentDropped),
            (format!("(module {memory} (global (mut funcref) (ref.null func)))"), Refusal::ReferenceGlobal),
            (r#"(module (func (export "f")))"#.into(), Refusal::Memories),
            (format!("(module {memory} (memory 1))"), Refusal::Memories),
            (r#"(module (memory (export "memory") 1 1 shared))"#.into(), Refusal::Memories),
            (r#"(module (memory (export "memory") i64 1))"#.into(), Refusal::Memories),
            (r#"(module (import "env" "memory" (memory 1)))"#.into(), Refusal::Import),
            (r#"(module (import "env" "g" (global (mut i32))))"#.into(), Refusal::Import),
            ("(module (memory 1))".into(), Refusal::Exports),
            (format!(r#"(module {memory} (func (export "forebay:global:0")))"#), Refusal::Exports),
        ] {
            assert_eq!(of(&wat).map(|_| ()), Err(refusal), "{wat}");
        }
        assert!(of(&code("(drop (table.get $t (i32.const 0)))")).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_without_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = instrument(&bytes);
            let _ = instrument(&[&b"\0asm\x01\0\0\0"[..], &bytes].concat());
        }
    }
}
