use super::{files, package};
use crate::tidy::architecture::check;

/// What is found for this text, in a workspace with a few files.
fn found(text: &str) -> Vec<String> {
    let mut tree = files(&[
        ("ARCHITECTURE.md", text),
        ("crates/coord-core/src/mailbox/send.rs", ""),
        ("crates/coord-redis/scripts/tta/send.lua", ""),
        ("crates/coord-redis/scripts/compact/send.lua", ""),
    ]);
    tree.packages.push(package("coord-core", &[]));
    check(&tree).into_iter().map(|finding| finding.what).collect()
}

#[test]
fn names_that_exist_pass() {
    for name in [
        "coord-core",
        "send.rs",
        "mailbox/send.rs",
        "crates/coord-core/src/mailbox/",
        "scripts/{tta,compact}/send.lua",
        "mailbox/<verb>.rs",
        "scripts/*/send.lua",
    ] {
        assert_eq!(found(&format!("see `{name}`")), [""; 0], "{name}");
    }
}

#[test]
fn names_that_do_not_exist_are_found() {
    for name in ["coord-corn", "sent.rs", "mailbox/ack.rs", "operations/<verb>.rs", "docs/"] {
        assert_eq!(found(&format!("see `{name}`")).len(), 1, "{name}");
    }
    let gone = found("`scripts/{tta,old}/send.lua`");
    assert_eq!(gone, ["names `scripts/old/send.lua`, which does not exist"]);
}

#[test]
fn other_words_in_backticks_are_left_alone() {
    for word in [
        "Mailbox::send",
        "redis://host/0",
        "cargo xtask test",
        "KEYS",
        "a = b/c",
        "--x/y",
        "now_us",
    ] {
        assert_eq!(found(&format!("see `{word}`")), [""; 0], "{word}");
    }
    assert_eq!(found("```\n`gone.rs`\n```\n"), [""; 0]);
}

#[test]
fn a_long_or_missing_map_is_found() {
    assert!(found(&"line\n".repeat(200)).is_empty());
    assert!(found(&"line\n".repeat(201))[0].contains("201 lines"));
    assert_eq!(check(&files(&[])).len(), 1);
}
