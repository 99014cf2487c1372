use super::{package, packages};
use crate::metadata::Kind::{Build, Dev, Normal};
use crate::tidy::core_dependencies::check;

#[test]
fn the_list_passes_and_tests_are_free() {
    let dependencies =
        [("serde", Normal, false), ("thiserror", Normal, false), ("tokio", Dev, false)];
    assert!(check(&packages(vec![package("coord-core", &dependencies)])).is_empty());
}

#[test]
fn a_runtime_is_found_also_where_it_is_optional() {
    let findings = check(&packages(vec![package("coord-core", &[("tokio", Normal, true)])]));
    assert!(findings[0].what.contains("`tokio`"));
}

#[test]
fn a_build_dependency_is_found() {
    let tree = packages(vec![package("coord-core", &[("serde", Build, false)])]);
    assert_eq!(check(&tree).len(), 1);
}

#[test]
fn other_crates_choose_for_themselves() {
    assert!(check(&packages(vec![package("coord-redis", &[("tokio", Normal, false)])])).is_empty());
}
