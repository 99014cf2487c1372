use super::{files, places};
use crate::tidy::leftovers::check;

#[test]
fn each_mark_is_found_at_its_line() {
    let marks = [
        concat!("// TO", "DO: later"),
        concat!("-- FIX", "ME"),
        concat!("    to", "do!()"),
        concat!("unimple", "mented!(\"x\")"),
        concat!("#[ig", "nore]"),
        concat!("#[ig", "nore = \"slow\"]"),
    ];
    for mark in marks {
        let tree = files(&[("a/src/b.rs", &format!("//! x\n{mark}\n"))]);
        assert_eq!(places(&check(&tree)), ["a/src/b.rs:2"], "{mark}");
    }
}

#[test]
fn words_that_only_look_alike_pass() {
    let tree = files(&[
        ("a/src/b.rs", concat!("let MASTO", "DON = 1; to_do(); ", "#[must_use]\n")),
        ("notes.md", concat!("TO", "DO is a word here\n")),
    ]);
    assert!(check(&tree).is_empty());
}
