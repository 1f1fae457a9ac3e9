//! No file imports, over however many steps, itself.
//!
//! A cover page (a file of only `mod` and `use` lines) is no step: a name it re-exports counts as imported from the file
//! that defines it. Imports in test code do not count: a test may use the whole folder.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, UseTree, Visibility};

use crate::finding::Finding;
use crate::imports::{Crate, ModulePath};
use crate::source::Source;

/// Re-exports of re-exports are followed this far; nothing here nests deeper.
const REEXPORTS_MAX: usize = 8;

/// Who imports whom, and in which line.
type Graph = BTreeMap<ModulePath, BTreeMap<ModulePath, usize>>;

/// The circles of the crate whose root is `folder`/`root`.
pub(crate) fn check(sources: &[Source], folder: &str, root: &str) -> Vec<Finding> {
    let krate = Crate::collect(sources, folder, root);
    let graph = graph(&krate);
    let mut reported = BTreeSet::new();
    let mut findings = Vec::new();
    for start in graph.keys() {
        let Some(circle) = circle_through(&graph, start) else { continue };
        let members: BTreeSet<_> = circle.iter().cloned().collect();
        if reported.insert(members) {
            findings.push(finding(&krate, &graph, &circle));
        }
    }
    findings
}

fn finding(krate: &Crate<'_>, graph: &Graph, circle: &[ModulePath]) -> Finding {
    let step = |at: usize| {
        let (from, to) = (&circle[at], &circle[(at + 1) % circle.len()]);
        format!("{}:{}", krate.modules[from].path, graph[from][to])
    };
    let steps: Vec<String> = (0..circle.len()).map(step).collect();
    let line = graph[&circle[0]][&circle[1 % circle.len()]];
    Finding::new(&krate.modules[&circle[0]].path, line, format!("import circle: {}", steps.join(" -> ")))
}

fn graph(krate: &Crate<'_>) -> Graph {
    let mut graph = Graph::new();
    for (module, source) in &krate.modules {
        let edges = graph.entry(module.clone()).or_default();
        if is_cover_page(source) {
            continue;
        }
        for import in krate.imports(module).into_iter().filter(|import| !import.test) {
            let to = definer(krate, &import.target, REEXPORTS_MAX);
            if to != *module {
                edges.entry(to).or_insert(import.line);
            }
        }
    }
    graph
}

/// The file that defines what `target` names, behind any re-exports.
fn definer(krate: &Crate<'_>, target: &[String], steps: usize) -> ModulePath {
    let (module, rest) = krate.split(target);
    let exports = krate.modules.get(&module).map(|source| reexports(source)).unwrap_or_default();
    let exported = rest.first().and_then(|name| exports.get(name));
    match exported.and_then(|path| krate.resolve(&module, path, 0)) {
        Some(further) if steps > 0 => definer(krate, &further, steps - 1),
        _ => module,
    }
}

fn is_cover_page(source: &Source) -> bool {
    let items = &source.syntax.items;
    let lists = items.iter().any(|item| matches!(item, Item::Mod(_)));
    lists && items.iter().all(|item| matches!(item, Item::Mod(_) | Item::Use(_)))
}

/// The names a file passes on, each with the path it is found under.
fn reexports(source: &Source) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for item in &source.syntax.items {
        if let Item::Use(line) = item
            && !matches!(line.vis, Visibility::Inherited)
        {
            collect(&line.tree, &mut Vec::new(), &mut names);
        }
    }
    names
}

fn collect(tree: &UseTree, prefix: &mut Vec<String>, names: &mut BTreeMap<String, Vec<String>>) {
    let under = |name: String| [prefix.as_slice(), &[name]].concat();
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            collect(&path.tree, prefix, names);
            prefix.pop();
        }
        UseTree::Name(name) => _ = names.insert(name.ident.to_string(), under(name.ident.to_string())),
        UseTree::Rename(rename) => _ = names.insert(rename.rename.to_string(), under(rename.ident.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, prefix, names)),
        UseTree::Glob(_) => {}
    }
}

/// The shortest way from `start` back to itself.
fn circle_through(graph: &Graph, start: &ModulePath) -> Option<Vec<ModulePath>> {
    let mut came_from: BTreeMap<&ModulePath, &ModulePath> = BTreeMap::new();
    let mut frontier = vec![start];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for from in frontier {
            for to in graph.get(from).into_iter().flat_map(BTreeMap::keys) {
                if to == start {
                    return Some(way(&came_from, start, from));
                }
                if !came_from.contains_key(to) {
                    came_from.insert(to, from);
                    next.push(to);
                }
            }
        }
        frontier = next;
    }
    None
}

fn way(came_from: &BTreeMap<&ModulePath, &ModulePath>, start: &ModulePath, end: &ModulePath) -> Vec<ModulePath> {
    let mut way = vec![end.clone()];
    let mut at = end;
    while at != start {
        at = came_from[at];
        way.push(at.clone());
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::parse(&format!("host/src/{path}"), text)).collect();
        check(&sources, "host/src", "lib.rs").iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_circle_of_three_is_found_with_its_lines() {
        let found = findings(&[
            ("cache/a.rs", "\nuse super::b::B;"),
            ("cache/b.rs", "use crate::cache::c::C;"),
            ("cache/c.rs", "fn f() { super::a::go() }"),
        ]);
        let circle = "host/src/cache/a.rs:2 -> host/src/cache/b.rs:1 -> host/src/cache/c.rs:1";
        assert_eq!(found, [format!("host/src/cache/a.rs:2: import circle: {circle}")]);
    }

    #[test]
    fn a_cover_page_is_seen_through() {
        let cover = ("cache/mod.rs", "mod a;\nmod b;\npub use a::A;\npub(crate) use self::b::B as Bee;");
        let one_way = [cover, ("cache/a.rs", "use super::Bee;"), ("cache/b.rs", "struct B;")];
        assert_eq!(findings(&one_way), [] as [&str; 0]);
        let round = [cover, ("cache/a.rs", "use super::Bee;"), ("cache/b.rs", "use super::A;")];
        assert_eq!(findings(&round).len(), 1);
    }

    #[test]
    fn a_parent_with_logic_and_its_child_are_a_circle() {
        let found = findings(&[("cache.rs", "mod key;\nfn f() { key::new() }"), ("cache/key.rs", "use super::f;")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn imports_of_tests_do_not_count() {
        let found = findings(&[
            ("cache/a.rs", "use super::b::B;"),
            ("cache/b.rs", "#[cfg(test)]\nmod tests { use super::super::a::A; }"),
            ("cache/b/tests.rs", "use super::super::a::A;"),
        ]);
        assert_eq!(found, [] as [&str; 0]);
    }
}
