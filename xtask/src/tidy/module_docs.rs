//! Every module opens with a line that says what it is for.

use super::finding::Finding;
use super::tree::Tree;

const WHY: &str = "the first line tells a reader whether this is the file they look for";

/// Every Rust file, tests aside, that does not open with its documentation.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter(|file| !file.is_test())
        .filter(|file| {
            let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            !first.starts_with("//!") && !first.starts_with("#![doc = include_str!(")
        })
        .map(|file| {
            Finding::new(
                file.path.as_str(),
                "does not open with `//!`",
                WHY,
                "say in one line what the module is for",
            )
        })
        .collect()
}
