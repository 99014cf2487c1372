use super::{files, package};
use crate::tidy::finding::Finding;
use crate::tidy::manifests::check;

const GOOD: &str = "\
[package]
name = \"coord-core\"
edition.workspace = true
rust-version = { workspace = true }
license.workspace = true # MIT

[lints]
workspace = true
";

fn checked(manifest: &str) -> Vec<Finding> {
    let mut tree = files(&[("crates/coord-core/Cargo.toml", manifest)]);
    tree.packages.push(package("coord-core", &[]));
    check(&tree)
}

#[test]
fn a_manifest_that_inherits_passes_in_each_spelling() {
    assert!(checked(GOOD).is_empty());
    assert!(checked(&GOOD.replace("[lints]\nworkspace = true", "")).len() == 1);
    let at_the_top =
        format!("lints.workspace = true\n{}", GOOD.replace("[lints]\nworkspace = true", ""));
    assert!(checked(&at_the_top).is_empty());
}

#[test]
fn each_key_that_is_not_inherited_is_found() {
    let typed = GOOD.replace("edition.workspace = true", "edition = \"2024\"");
    assert!(checked(&typed)[0].what.contains("edition.workspace"));
    assert_eq!(checked("[package]\nname = \"coord-core\"\n").len(), 4);
}

#[test]
fn a_line_in_another_section_does_not_count() {
    let elsewhere = GOOD.replace("[lints]", "[dependencies.serde]");
    assert!(checked(&elsewhere)[0].what.contains("[lints]"));
}

#[test]
fn switched_off_does_not_count() {
    let off = GOOD.replace("[lints]\nworkspace = true", "[lints]\nworkspace = false");
    assert_eq!(checked(&off).len(), 1);
}
