use super::{files, package};
use crate::tidy::versions::check;

fn found(line: &str) -> Vec<String> {
    let mut tree = files(&[("crates/coord-core/README.md", line)]);
    tree.packages.push(package("coord-core", &[]));
    check(&tree).into_iter().map(|finding| finding.what).collect()
}

#[test]
fn another_rust_than_the_manifests_is_found() {
    for line in [
        "Needs Rust 1.88.",
        "MSRV: 1.90",
        "MSRV **1.70.0**",
        "`rust-version = \"1.88\"`",
        "rust: 1.8",
    ] {
        assert_eq!(found(line).len(), 1, "{line}");
    }
}

#[test]
fn the_rust_of_the_manifests_passes() {
    for line in [
        "Needs Rust 1.89 or newer.",
        "MSRV 1.89.0",
        "Redis 1.2",
        "robust 1.2",
        "Rust, since version 1.5",
    ] {
        assert_eq!(found(line), [""; 0], "{line}");
    }
}

#[test]
fn another_version_of_a_crate_is_found() {
    assert_eq!(found("coord-core = \"0.2\""), ["says coord-core 0.2, Cargo.toml says 0.1.0"]);
    assert_eq!(found("coord-core = { version = \"1\", features = [] }").len(), 1);
}

#[test]
fn the_same_version_at_any_length_passes() {
    for line in [
        "coord-core = \"0.1\"",
        "coord-core = { version = \"0.1.0\" }",
        "coord-core = { git = \"x\" }",
    ] {
        assert_eq!(found(line), [""; 0], "{line}");
    }
}

#[test]
fn a_changelog_may_name_old_versions() {
    let mut tree = files(&[("CHANGELOG.md", "MSRV 1.80")]);
    tree.packages.push(package("coord-core", &[]));
    assert!(check(&tree).is_empty());
}
