use super::{files, places};
use crate::tidy::module_docs::check;

#[test]
fn a_module_that_does_not_say_what_it_is_for_is_found() {
    let tree = files(&[
        ("a/src/b.rs", "use std::fmt;\n"),
        ("a/src/c.rs", "// a comment\n"),
        ("a/src/d.rs", ""),
    ]);
    assert_eq!(places(&check(&tree)), ["a/src/b.rs", "a/src/c.rs", "a/src/d.rs"]);
}

#[test]
fn a_documented_module_a_readme_and_tests_pass() {
    let tree = files(&[
        ("a/src/b.rs", "\n//! What it is.\n"),
        ("a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
        ("a/tests/it/c.rs", "use super::*;\n"),
    ]);
    assert!(check(&tree).is_empty());
}
