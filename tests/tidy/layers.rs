//! The layer table of ARCHITECTURE.md, held: a module of the host imports only from below.
//!
//! Inside its own top-level module a file may name anything; see `circles` for what holds there. `lib.rs` only lists the
//! modules, and `main.rs` is a crate of its own above them all.

use crate::finding::Finding;
use crate::imports::Crate;
use crate::source::Source;

/// From the top. `cli` and `node` share layer 6 in the table; between them the command line is above the node it starts.
const LAYERS: [&[&str]; 8] = [
    &["cli"],
    &["node"],
    &["listener", "admin"],
    &["exchange"],
    &["filter", "cache", "origin"],
    &["semantics"],
    &["config"],
    &["body", "clock", "worker", "telemetry"],
];

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let host = Crate::collect(sources, "host/src", "lib.rs");
    let mut findings = Vec::new();
    for (module, source) in &host.modules {
        let Some(from) = module.first() else { continue };
        if layer(from).is_none() {
            findings.push(Finding::new(&source.path, 1, format!("`{from}` has no place in the layer table")));
        }
        for import in host.imports(module) {
            let fault = import.target.first().and_then(|to| fault(from, to));
            findings.extend(fault.map(|fault| Finding::new(&source.path, import.line, fault)));
        }
    }
    findings
}

/// What is wrong with `from` naming something in `to`, if anything is.
fn fault(from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    let Some(below) = layer(to) else {
        return Some(format!(
            "`crate::{to}` is no module of the layer table: import the item from where it is defined"
        ));
    };
    match layer(from)?.cmp(&below) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(format!("`{from}` imports sideways from `{to}`")),
        std::cmp::Ordering::Greater => Some(format!("`{from}` imports upward from `{to}`")),
    }
}

/// 0 is the top.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&[Source::parse(path, text)]).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn downward_and_inward_imports_pass() {
        let text = "use crate::semantics::RequestHead;\nuse crate::cache::Entry;\nuse super::key::Key;\nuse crate::body::Body;";
        assert_eq!(findings("host/src/cache/flight.rs", text), [] as [&str; 0]);
        assert_eq!(findings("host/src/cli/run.rs", "use crate::node::Node;"), [] as [&str; 0]);
    }

    #[test]
    fn upward_sideways_and_unknown_imports_are_found() {
        let upward = findings("host/src/cache/flight.rs", "\nuse crate::exchange::Exchange;");
        assert_eq!(upward, ["host/src/cache/flight.rs:2: `cache` imports upward from `exchange`"]);
        let sideways = findings("host/src/cache/flight.rs", "fn f() { super::super::origin::fetch() }");
        assert_eq!(sideways, ["host/src/cache/flight.rs:1: `cache` imports sideways from `origin`"]);
        assert!(findings("host/src/node.rs", "use crate::cli::Run;")[0].contains("upward"));
        assert!(findings("host/src/clock.rs", "use crate::{worker::slot};")[0].contains("sideways"));
        assert!(findings("host/src/cache/key.rs", "use crate::Error;")[0].contains("no module of the layer table"));
    }

    #[test]
    fn a_module_without_a_layer_is_found() {
        assert!(findings("host/src/misc/a.rs", "")[0].contains("no place in the layer table"));
    }
}
