use super::{files, places};
use crate::tidy::verbs::{VERBS, check, missing_twins};

const LAYERS: [&str; 5] = [
    "crates/coord-core/src/mailbox/send.rs",
    "crates/coord-redis/src/operations/send.rs",
    "crates/coord-redis/scripts/tta/send.lua",
    "crates/coord-redis/scripts/compact/send.lua",
    "crates/coord-testkit/src/conformance/send.rs",
];

#[test]
fn a_verb_in_every_layer_passes() {
    assert!(check(&files(&LAYERS.map(|path| (path, "")))).is_empty());
}

#[test]
fn a_missing_twin_is_found_in_every_layer() {
    for gone in LAYERS {
        let mut list: Vec<_> =
            LAYERS.iter().filter(|&&path| path != gone).map(|&path| (path, "")).collect();
        let neighbour =
            format!("{}/README.md", gone.rsplit_once('/').map_or("", |(directory, _)| directory));
        list.push((&neighbour, ""));
        assert_eq!(places(&check(&files(&list))), [gone]);
    }
}

#[test]
fn a_layer_that_does_not_exist_yet_is_not_asked_for() {
    assert!(check(&files(&[(LAYERS[0], "")])).is_empty());
}

#[test]
fn an_exception_holds_for_its_layer_only() {
    let tree = files(&[
        (LAYERS[0], ""),
        ("crates/coord-redis/src/operations/mod.rs", ""),
        ("crates/coord-redis/scripts/tta/README.md", ""),
    ]);
    assert_eq!(check(&tree).len(), 2);
    assert_eq!(places(&missing_twins(&tree, &[("send", "redis", "why")])), [LAYERS[2]]);
}

#[test]
fn a_script_that_is_no_verb_is_found() {
    let tree = files(&[
        ("crates/coord-redis/scripts/tta/helpers.lua", ""),
        ("crates/coord-redis/scripts/lib/helpers.lua", ""),
    ]);
    assert_eq!(places(&check(&tree)), ["crates/coord-redis/scripts/tta/helpers.lua"]);
}

#[test]
fn the_verbs_are_sorted_and_distinct() {
    assert!(VERBS.is_sorted_by(|a, b| a < b));
}
