use super::{files, places};
use crate::tidy::lua_headers::check;

const GOOD: &str = "\
-- Purpose: settle one message.
-- KEYS[1] the mailbox
-- ARGV[1] the token
-- Returns: OK
-- Errors: none
return 1
";

#[test]
fn a_script_with_its_contract_passes() {
    assert!(check(&files(&[("a/scripts/tta/ack.lua", GOOD)])).is_empty());
}

#[test]
fn each_missing_part_is_found() {
    for part in ["Purpose", "KEYS", "ARGV", "Returns", "Errors"] {
        let without: Vec<&str> = GOOD.lines().filter(|line| !line.contains(part)).collect();
        let tree = files(&[("a/scripts/tta/ack.lua", &without.join("\n"))]);
        assert!(check(&tree)[0].what.ends_with(&format!("lacks {part}")), "{part}");
    }
}

#[test]
fn parts_below_the_header_do_not_count() {
    let late = format!("-- A script.\nlocal x = 1\n{GOOD}");
    let tree = files(&[("a/scripts/tta/ack.lua", &late)]);
    assert_eq!(places(&check(&tree)), ["a/scripts/tta/ack.lua"]);
}

#[test]
fn a_shared_helper_needs_only_a_comment() {
    assert!(check(&files(&[("a/scripts/lib/time.lua", "-- Server time.\n")])).is_empty());
    assert_eq!(check(&files(&[("a/scripts/lib/time.lua", "local x = 1\n")])).len(), 1);
}
