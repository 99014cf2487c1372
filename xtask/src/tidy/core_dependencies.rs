//! The crates from outside that coord-core may use.

use super::finding::Finding;
use super::tree::Tree;
use crate::metadata::Kind;

const ALLOWED: [&str; 4] = ["async-trait", "serde", "serde_json", "thiserror"];

const WHY: &str =
    "core is pure: no runtime, no clock, no I/O, no randomness can come in by a dependency";

/// Every dependency of coord-core that is not on the list; those of its tests are free.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.packages
        .iter()
        .filter(|package| package.name == "coord-core")
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != Kind::Dev)
                .filter(|dependency| {
                    dependency.kind == Kind::Build || !ALLOWED.contains(&dependency.name.as_str())
                })
                .map(|dependency| {
                    Finding::new(
                        package.manifest.as_str(),
                        format!(
                            "coord-core may not have `{}` in {}",
                            dependency.name,
                            dependency.kind.table()
                        ),
                        WHY,
                        format!(
                            "do without it, or move the code to an adapter; allowed: {}",
                            ALLOWED.join(", ")
                        ),
                    )
                })
        })
        .collect()
}
