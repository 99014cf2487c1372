//! The changelog knows the version that Cargo.toml names.

use super::finding::Finding;
use super::tree::Tree;

const FILE: &str = "CHANGELOG.md";
const WHY: &str = "users read the changelog to learn what a version brings and breaks";

/// A changelog that is missing, or has no heading for the version or for what is to come.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(FILE) else {
        return vec![Finding::new(
            FILE,
            "is missing",
            WHY,
            "start one in the manner of Keep a Changelog",
        )];
    };
    let headings: Vec<&str> = file
        .lines()
        .filter_map(|(_, line)| line.strip_prefix("## "))
        .map(|heading| heading.trim_start_matches('['))
        .map(|heading| heading.split([']', ' ']).next().unwrap_or_default())
        .collect();
    let mut missing: Vec<&str> = tree
        .packages
        .iter()
        .map(|package| package.version.as_str())
        .filter(|version| !headings.contains(version) && !headings.contains(&"Unreleased"))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
        .into_iter()
        .map(|version| {
            let advice = format!("add `## [{version}]` or `## [Unreleased]`");
            Finding::new(FILE, format!("has no heading for {version}"), WHY, advice)
        })
        .collect()
}
