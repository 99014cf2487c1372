use super::{package, packages, places};
use crate::metadata::Kind::{Build, Dev, Normal};
use crate::tidy::edges::check;

#[test]
fn the_edges_of_the_table_pass() {
    let tree = packages(vec![
        package("coord-core", &[("serde", Normal, false)]),
        package("coord-resilience", &[]),
        package("coord-testkit", &[("coord-core", Normal, false)]),
        package(
            "coord-redis",
            &[
                ("coord-core", Normal, false),
                ("coord-resilience", Normal, true),
                ("coord-testkit", Dev, false),
            ],
        ),
    ]);
    assert!(check(&tree).is_empty());
}

#[test]
fn an_edge_against_the_layers_is_found() {
    let tree = packages(vec![
        package("coord-core", &[("coord-resilience", Normal, false)]),
        package("coord-resilience", &[]),
    ]);
    assert_eq!(places(&check(&tree)), ["crates/coord-core/Cargo.toml"]);
}

#[test]
fn a_dependency_of_tests_may_not_become_one_of_users() {
    let tree = packages(vec![
        package("coord-testkit", &[]),
        package("coord-agent", &[("coord-testkit", Normal, false)]),
    ]);
    let findings = check(&tree);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].what.contains("[dependencies]"), "{}", findings[0].what);
}

#[test]
fn an_edge_behind_a_feature_has_to_be_optional() {
    let tree = |optional| {
        packages(vec![
            package("coord-resilience", &[]),
            package("coord-redis", &[("coord-resilience", Normal, optional)]),
        ])
    };
    assert!(check(&tree(true)).is_empty());
    assert!(check(&tree(false))[0].advice.contains("optional"));
}

#[test]
fn dev_and_build_edges_are_told_apart() {
    let tree = packages(vec![
        package("coord-core", &[("coord-testkit", Dev, false)]),
        package("coord-testkit", &[("coord-core", Build, false)]),
    ]);
    let findings = check(&tree);
    assert!(findings[0].what.contains("[dev-dependencies]"));
    assert!(findings[1].what.contains("[build-dependencies]"));
}

#[test]
fn a_crate_without_a_row_is_found() {
    let tree = packages(vec![package("coord-extra", &[])]);
    assert!(check(&tree)[0].what.contains("`coord-extra`"));
}
