//! Dependencies: each one has its reason beside it, and members take it from the workspace.

use crate::finding::Finding;
use crate::source::TextFile;

pub(crate) fn check(manifest: &TextFile) -> Vec<Finding> {
    let mut section = String::new();
    let mut findings = Vec::new();
    for (number, line) in manifest.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, value)) = dependency(&section, line)
            && !is_member(value)
            && !has_reason(value)
        {
            let message = format!("`{}` has no comment with its reason", name.trim());
            findings.push(Finding::new(&manifest.path, number + 1, message));
        }
    }
    findings
}

fn dependency<'a>(section: &str, line: &'a str) -> Option<(&'a str, &'a str)> {
    let listed = section.ends_with("dependencies") && !line.starts_with('#');
    line.split_once('=').filter(|(name, _)| listed && !name.trim().ends_with(".workspace"))
}

fn is_member(value: &str) -> bool {
    value.contains("path =") || value.contains("workspace = true")
}

/// A comment of more than one word.
fn has_reason(value: &str) -> bool {
    value.rsplit_once('#').is_some_and(|(_, reason)| reason.split_whitespace().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let manifest = TextFile { path: "Cargo.toml".to_owned(), text: text.to_owned() };
        check(&manifest).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_dependency_needs_its_reason() {
        let found = findings("[workspace.dependencies]\nhttp = \"1\"\nhyper = { version = \"1\" } # yes\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("Cargo.toml:2: `http` has no comment"));
        assert_eq!(findings("[dev-dependencies]\nhttp = \"1\"\n").len(), 1);
    }

    #[test]
    fn members_inherited_ones_and_other_sections_need_none() {
        let members = "[workspace.dependencies]\nforebay = { path = \"host\" }\nhttp = \"1\" # header maps shared\n";
        assert_eq!(findings(members), [] as [&str; 0]);
        assert_eq!(findings("[dependencies]\nhttp.workspace = true\nx = { workspace = true }\n"), [] as [&str; 0]);
        assert_eq!(findings("[package]\nname = \"a\"\n"), [] as [&str; 0]);
    }
}
