//! `forebay filter check`: what a module is made of, what this host has for it, and why it would not load.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::Check;
use super::stand::limits;
use crate::config::FilterLimits;
use crate::filter::{Inspection, Standing};

/// Exit 0 where the module would load, 1 where it would not.
pub(super) fn check(options: &Check) -> anyhow::Result<ExitCode> {
    let limits = limits()?;
    let found = Inspection::of(&options.file, &limits)?;
    let text = if options.json { format!("{:#}\n", as_json(&found)) } else { as_text(&found, &limits) };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if !options.json {
        let file = options.file.display();
        for fault in &found.faults {
            eprintln!("{file}: {}: {}; {}", fault.word, fault.what, fault.mend);
        }
    }
    Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_text(found: &Inspection, limits: &FilterLimits) -> String {
    let memory_max = found.memory_bytes_max.unwrap_or(u64::MAX).min(limits.memory_bytes_max);
    let memory = format!("{} to {}", bytes(found.memory_bytes.unwrap_or(0)), bytes(memory_max));
    let of = |standing| found.imports.iter().filter(|import| import.standing == standing).count();
    let offered = |called: bool| {
        let names = found.callbacks.iter().filter(|offered| offered.called == called);
        list(names.map(|offered| offered.name.as_str()))
    };
    let lacking = found.imports.iter().filter(|import| import.standing != Standing::Answered);
    let lacking = lacking.map(|import| format!("{} ({})", import.name, import.standing.word()));
    let names = if found.names { "yes" } else { "no: backtraces have numbers only (strip = \"debuginfo\" keeps them)" };
    let rows = [
        ("abi", found.abi.unwrap_or("none").to_owned()),
        ("size", format!("{}, {} at most", bytes(found.bytes), bytes(limits.module_bytes_max))),
        ("memory", memory),
        ("table elements", format!("{}, {} at most", found.table_elements, limits.table_elements_max)),
        ("functions", found.functions.to_string()),
        ("mutable globals", found.mutable_globals.to_string()),
        ("function names", names.to_owned()),
        ("imports", format!("{}, {} of them answered", found.imports.len(), of(Standing::Answered))),
        ("not answered", list(lacking)),
        ("callbacks", offered(true)),
        ("never called here", offered(false)),
        ("not in the ABI", list(found.unknown.iter())),
        ("loads", if found.faults.is_empty() { "yes" } else { "no" }.to_owned()),
    ];
    rows.into_iter().map(|(name, value)| format!("{name:<18}{value}\n")).collect()
}

fn as_json(found: &Inspection) -> Value {
    let imports = found.imports.iter().map(|import| json!({ "name": import.name, "standing": import.standing.word() }));
    let callbacks = found.callbacks.iter().map(|offered| json!({ "name": offered.name, "called": offered.called }));
    let faults =
        found.faults.iter().map(|fault| json!({ "fault": fault.word, "what": fault.what, "mend": fault.mend }));
    json!({
        "abi": found.abi,
        "bytes": found.bytes,
        "memory_bytes": found.memory_bytes,
        "memory_bytes_max": found.memory_bytes_max,
        "table_elements": found.table_elements,
        "functions": found.functions,
        "mutable_globals": found.mutable_globals,
        "function_names": found.names,
        "imports": imports.collect::<Vec<_>>(),
        "callbacks": callbacks.collect::<Vec<_>>(),
        "unknown": found.unknown,
        "faults": faults.collect::<Vec<_>>(),
        "loads": found.faults.is_empty(),
    })
}

/// One per line, below each other.
fn list(values: impl Iterator<Item = impl AsRef<str>>) -> String {
    let values: Vec<String> = values.map(|value| value.as_ref().to_owned()).collect();
    if values.is_empty() { "none".to_owned() } else { values.join(&format!("\n{:18}", "")) }
}

/// Bytes as people read them.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.0} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
