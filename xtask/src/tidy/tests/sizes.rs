use super::{files, places};
use crate::tidy::sizes::check;

#[test]
fn a_file_over_its_cap_is_found() {
    let (rust, lua) = ("x\n".repeat(501), "x\n".repeat(151));
    let tree = files(&[("crates/a/src/b.rs", &rust), ("crates/a/scripts/c.lua", &lua)]);
    assert_eq!(places(&check(&tree)), ["crates/a/src/b.rs", "crates/a/scripts/c.lua"]);
}

#[test]
fn a_file_at_its_cap_passes() {
    let (rust, lua) = ("x\n".repeat(500), "x\n".repeat(150));
    assert!(check(&files(&[("a/src/b.rs", &rust), ("a/c.lua", &lua)])).is_empty());
}

#[test]
fn tests_are_not_counted() {
    let long = "x\n".repeat(900);
    assert!(check(&files(&[("a/tests/it/b.rs", &long), ("a/src/b/tests.rs", &long)])).is_empty());
    let inline =
        format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(400), "y\n".repeat(300));
    assert!(check(&files(&[("a/src/b.rs", &inline)])).is_empty());
}
