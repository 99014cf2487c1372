//! What every manifest takes from the workspace instead of saying it again.

use super::finding::Finding;
use super::tree::Tree;

/// A section of a manifest, a key in it, and why it is inherited.
const INHERITED: [(&str, &str, &str); 4] = [
    ("lints", "workspace", "a crate without the workspace's lints is a crate without rules"),
    ("package", "edition.workspace", "one edition for all crates"),
    ("package", "rust-version.workspace", "one oldest Rust for all crates"),
    ("package", "license.workspace", "one licence for all crates"),
];

/// Every package whose manifest does not inherit them.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        let Some(file) = tree.file(&package.manifest) else {
            continue;
        };
        for (section, key, why) in INHERITED {
            if !says(&file.text, section, key) {
                findings.push(Finding::new(
                    file.path.as_str(),
                    format!("does not say `{key} = true` in [{section}]"),
                    why,
                    format!("write `{key} = true` below [{section}]"),
                ));
            }
        }
    }
    findings
}

/// True where `key = true` stands in the section, or `section.key = true` at the top.
fn says(manifest: &str, section: &str, key: &str) -> bool {
    let mut current = String::new();
    for line in manifest.lines() {
        let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut current);
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let full = if current.is_empty() { name.to_owned() } else { format!("{current}.{name}") };
        let braces = key.rsplit_once('.').map(|(head, tail)| (format!("{section}.{head}"), tail));
        let inline =
            braces.is_some_and(|(head, tail)| full == head && value == format!("{{{tail}=true}}"));
        if inline || (full == format!("{section}.{key}") && value == "true") {
            return true;
        }
    }
    false
}
