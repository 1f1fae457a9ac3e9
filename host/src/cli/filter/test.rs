//! `forebay filter test`: filters on the cases of their authors.
//!
//! One line per case; one that comes out otherwise is followed by what differs.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::answer::Scripted;
use super::arguments::Test;
use super::cases::{Case, Cases, Settings};
use super::heard::listen;
use super::judge::{self, Difference, judge, judge_refusal};
use super::setup::Setup;
use super::stand::Stand;

/// A module and the file of its cases.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    module: PathBuf,
    cases: PathBuf,
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
}

/// Exit 0 where every case came out as expected, 1 where one did not or a file has faults.
pub(super) fn test(options: &Test) -> anyhow::Result<ExitCode> {
    let settings = match options.settings.as_deref().map(Settings::read).transpose() {
        Ok(settings) => settings,
        Err(faults) => bail!("{faults}"),
    };
    let mut count = Count::default();
    for pair in pairs(options)? {
        let cases = match Cases::read(&pair.cases) {
            Ok(cases) => cases,
            Err(faults) => {
                eprintln!("{faults}");
                count.failed += 1;
                continue;
            }
        };
        run(&pair.module, &cases, settings.as_ref(), &mut count)?;
    }
    writeln!(std::io::stdout(), "{} passed, {} failed", count.passed, count.failed)?;
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pairs(options: &Test) -> anyhow::Result<Vec<Pair>> {
    let (named, rest) = options.pairs.as_chunks::<2>();
    if let [module] = rest {
        bail!("{} has no cases: name the file of its cases behind it", module.display());
    }
    let named = named.iter().map(|[module, cases]| Pair { module: module.clone(), cases: cases.clone() });
    let mut pairs: Vec<Pair> = named.collect();
    if let Some(folder) = &options.all {
        let modules = options.modules.clone().unwrap_or_else(|| folder.join("dist"));
        let found = all(folder, &modules).with_context(|| format!("{} cannot be listed", folder.display()))?;
        if found.is_empty() {
            bail!("{} has no filter with cases: NAME/cases.toml", folder.display());
        }
        pairs.extend(found);
    }
    Ok(pairs)
}

/// Every filter of a folder that has cases, by name.
fn all(folder: &Path, modules: &Path) -> std::io::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let cases = entry.path().join("cases.toml");
        if cases.is_file() {
            let module = modules.join(format!("{}.wasm", entry.file_name().to_string_lossy()));
            pairs.push(Pair { module, cases });
        }
    }
    pairs.sort_by(|a, b| a.cases.cmp(&b.cases));
    Ok(pairs)
}

/// Compiling takes longer than all cases together, so that those with the same setup share a load.
fn run(module: &Path, cases: &Cases, settings: Option<&Settings>, count: &mut Count) -> anyhow::Result<()> {
    let name = module.file_stem().unwrap_or_default().to_string_lossy();
    let mut stands: HashMap<Setup, Result<Stand, String>> = HashMap::new();
    let mut out = std::io::stdout().lock();
    for case in &cases.cases {
        let setup = cases.setup_of(case, settings);
        let load = || listen(|| Stand::load(module, &setup)).0.map_err(|fault| fault.to_string());
        let stand = stands.entry(setup.clone()).or_insert_with(load);
        let differences = try_out(stand.as_ref().map_err(String::as_str), case, cases.calls_of(case));
        if differences.is_empty() {
            count.passed += 1;
            writeln!(out, "ok    {name}: {}", case.name)?;
        } else {
            count.failed += 1;
            writeln!(out, "FAIL  {name}: {}", case.name)?;
            show(&mut out, &differences)?;
        }
    }
    Ok(())
}

fn try_out(stand: Result<&Stand, &str>, case: &Case, calls: &[Scripted]) -> Vec<Difference> {
    let refusal = judge_refusal(&case.expect, stand.err());
    let Ok(stand) = stand else { return refusal };
    if !refusal.is_empty() || case.expect.refused.is_some() {
        return refusal;
    }
    let visit = match stand.visit(&case.request) {
        Ok(visit) => visit,
        Err(bad) => {
            let expected = "a request that a node takes".to_owned();
            return vec![Difference { what: "request".to_owned(), expected, found: bad.to_string() }];
        }
    };
    let properties = judge::properties(&case.expect);
    let (outcome, lines) = listen(|| stand.run((visit, case.origin.message()), calls, &properties));
    judge(&case.expect, &outcome, &lines)
}

fn show(out: &mut impl Write, differences: &[Difference]) -> std::io::Result<()> {
    for Difference { what, expected, found } in differences {
        writeln!(out, "        {what}")?;
        writeln!(out, "            expected  {expected}")?;
        writeln!(out, "            found     {found}")?;
    }
    Ok(())
}
