use super::{files, package};
use crate::tidy::changelog::check;
use crate::tidy::finding::Finding;

fn checked(text: &str) -> Vec<Finding> {
    let mut tree = files(&[("CHANGELOG.md", text)]);
    tree.packages.extend([package("coord-core", &[]), package("coord-redis", &[])]);
    check(&tree)
}

#[test]
fn a_heading_for_the_version_or_for_what_comes_passes() {
    for heading in
        ["## [0.1.0]", "## 0.1.0", "## [0.1.0] - 2026-01-01", "## [Unreleased]", "## Unreleased"]
    {
        assert!(checked(&format!("# Changelog\n\n{heading}\n")).is_empty(), "{heading}");
    }
}

#[test]
fn a_version_without_a_heading_is_found_once() {
    for text in ["# Changelog\n", "## [0.1.00]\n", "0.1.0\n", "## [0.0.9]\n"] {
        assert_eq!(checked(text).len(), 1, "{text}");
    }
}

#[test]
fn a_missing_changelog_is_found() {
    assert_eq!(check(&files(&[])).len(), 1);
}
