//! The tidy tests: the source reads as STYLE asks, or a test names the file and the line.
//!
//! Each rule lives in a file of its own, beside tests that feed it bad input; the tests here apply them to the tree.

mod circles;
mod examples;
mod finding;
mod hazards;
mod imports;
mod layers;
mod manifest;
mod metrics;
mod safety;
mod sizes;
mod source;
mod tokens;
mod wording;

use finding::{Finding, assert_none};
use source::{Source, Tree};

fn each_source(rule: fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    Tree::read().sources.iter().flat_map(rule).collect()
}

#[test]
fn imports_of_the_host_point_down_the_layers() {
    assert_none(layers::check(&Tree::read().sources));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let tree = Tree::read();
    let roots = tree.sources.iter().filter_map(|source| source.path.rsplit_once('/'));
    let lib = |folder: &&str| folder.ends_with("/src");
    let mut crates: Vec<(&str, &str)> = roots.clone().filter(|(_, file)| *file == "lib.rs").collect();
    crates.extend(roots.filter(|(folder, file)| *file == "main.rs" && !lib(folder)));
    crates.push(("tests/support", "mod.rs"));
    assert!(crates.len() >= 8, "the host, the SDK, three filters and the tests: {crates:?}");
    assert_none(crates.iter().flat_map(|(folder, root)| circles::check(&tree.sources, folder, root)).collect());
}

#[test]
fn files_and_functions_stay_small() {
    assert_none(each_source(sizes::check));
}

#[test]
fn nothing_unwraps_outside_tests_and_nothing_is_left_unfinished() {
    assert_none(each_source(hazards::check));
}

#[test]
fn unsafe_code_is_where_it_belongs_and_says_why() {
    assert_none(each_source(safety::check));
}

#[test]
fn files_have_headers_and_names() {
    assert_none(each_source(wording::check_source));
}

#[test]
fn no_file_holds_notes_for_later_or_paths_of_one_machine() {
    assert_none(Tree::read().texts.iter().flat_map(wording::check_text).collect());
}

#[test]
fn dependencies_have_reasons() {
    let tree = Tree::read();
    let manifests = tree.texts.iter().filter(|file| file.path.ends_with("Cargo.toml"));
    assert_none(manifests.flat_map(manifest::check).collect());
}

#[test]
fn every_public_item_of_the_sdk_shows_its_use() {
    assert_none(examples::check(&Tree::read().sources));
}

#[test]
fn metrics_are_the_ones_on_the_golden_list() {
    let tree = Tree::read();
    let list = tree.text(metrics::FILE);
    let used = ["config/dashboard.json", "config/alerts.yml"];
    let used = used.iter().flat_map(|path| metrics::check_use(list, path, tree.text(path)));
    let own = [metrics::check_list(list), metrics::check_source(list, &tree.sources)].concat();
    assert_none(own.into_iter().chain(used).collect());
}
