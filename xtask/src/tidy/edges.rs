//! Which crate of ours may depend on which: the table of the architecture, as data.

use super::finding::Finding;
use super::tree::Tree;
use crate::metadata::{Dependency, Kind, Package};

/// What one crate may depend on, among ours.
struct Allowed {
    name: &'static str,
    normal: &'static [&'static str],
    /// Allowed as an optional dependency only, behind a feature.
    optional: &'static [&'static str],
    /// Allowed in tests, besides the normal ones.
    dev: &'static [&'static str],
}

const TABLE: [Allowed; 9] = [
    Allowed { name: "coord-core", normal: &[], optional: &[], dev: &[] },
    // Itself in tests, with its optional features switched on.
    Allowed { name: "coord-resilience", normal: &[], optional: &[], dev: &["coord-resilience"] },
    Allowed {
        name: "coord-redis",
        normal: &["coord-core"],
        optional: &["coord-resilience"],
        // Itself, with its optional features switched on.
        dev: &["coord-redis", "coord-testkit"],
    },
    Allowed { name: "coord-testkit", normal: &["coord-core"], optional: &[], dev: &[] },
    Allowed {
        name: "coord-agent",
        normal: &["coord-core", "coord-resilience"],
        optional: &[],
        dev: &["coord-testkit"],
    },
    Allowed {
        name: "coord-primitives",
        normal: &["coord-core"],
        optional: &[],
        dev: &["coord-testkit"],
    },
    Allowed {
        name: "coord-tta",
        normal: &["coord-core"],
        optional: &["coord-redis"],
        dev: &["coord-testkit"],
    },
    Allowed {
        name: "coord-cli",
        normal: &[
            "coord-agent",
            "coord-core",
            "coord-primitives",
            "coord-redis",
            "coord-resilience",
            "coord-testkit",
            "coord-tta",
        ],
        optional: &[],
        dev: &[],
    },
    Allowed { name: "xtask", normal: &[], optional: &[], dev: &[] },
];

const WHY: &str = "layers stay micro-crates only while no edge grows in silence";
const TABLE_FILE: &str = "xtask/src/tidy/edges.rs";

/// Every edge between our crates that the table does not have.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let ours: Vec<&str> = tree.packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &tree.packages {
        let Some(allowed) = TABLE.iter().find(|allowed| allowed.name == package.name) else {
            findings.push(Finding::new(
                package.manifest.as_str(),
                format!("crate `{}` is not in the table of edges", package.name),
                WHY,
                format!("add its row to {TABLE_FILE} and to ARCHITECTURE.md"),
            ));
            continue;
        };
        findings.extend(
            package
                .dependencies
                .iter()
                .filter(|dependency| ours.contains(&dependency.name.as_str()))
                .filter_map(|dependency| judge(package, dependency, allowed)),
        );
    }
    findings
}

fn judge(package: &Package, dependency: &Dependency, allowed: &Allowed) -> Option<Finding> {
    let name = dependency.name.as_str();
    let normal = allowed.normal.contains(&name);
    let optional = allowed.optional.contains(&name);
    let fine = match dependency.kind {
        Kind::Normal => normal || (optional && dependency.optional),
        Kind::Dev => normal || optional || allowed.dev.contains(&name),
        Kind::Build => false,
    };
    if fine {
        return None;
    }
    let advice = if optional && dependency.kind == Kind::Normal {
        format!("make `{name}` optional, behind a feature")
    } else {
        format!("remove `{name}` from {}, or move the code that needs it", dependency.kind.table())
    };
    let what = format!("{} may not have `{name}` in {}", package.name, dependency.kind.table());
    Some(Finding::new(package.manifest.as_str(), what, WHY, advice))
}
