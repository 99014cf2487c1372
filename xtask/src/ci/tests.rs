use super::features::combinations;
use super::msrv::newer_than;
use super::{STEPS, choose, with_warnings_denied};
use crate::metadata::Package;

fn chosen(args: &[&str]) -> Vec<&'static str> {
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    choose(&args).expect("these steps exist").iter().map(|step| step.name).collect()
}

#[test]
fn all_steps_run_by_default_and_named_ones_alone() {
    assert_eq!(chosen(&[]).len(), STEPS.len());
    assert_eq!(chosen(&["doc", "fmt"]), ["fmt", "doc"]);
}

#[test]
fn a_skipped_step_is_left_out() {
    let rest = chosen(&["--skip", "test"]);
    assert_eq!(rest.len(), STEPS.len() - 1);
    assert!(!rest.contains(&"test"));
}

#[test]
fn an_unknown_step_is_refused_by_name() {
    for args in [&["tests".to_owned()][..], &["--skip".to_owned(), "tests".to_owned()]] {
        let failure = choose(args).err().expect("there is no such step");
        assert!(failure.what.contains("`tests`"), "{}", failure.what);
    }
    assert!(choose(&["--skip".to_owned()]).is_err());
}

#[test]
fn every_feature_is_tried_alone() {
    let package = Package {
        name: "coord-redis".to_owned(),
        features: vec!["default".to_owned(), "tls".to_owned()],
        ..Package::default()
    };
    let lines: Vec<String> = combinations(&package).iter().map(|args| args.join(" ")).collect();
    assert_eq!(
        lines,
        [
            "-p coord-redis --no-default-features",
            "-p coord-redis",
            "-p coord-redis --no-default-features --features tls",
        ]
    );
}

#[test]
fn the_users_own_flags_of_rustdoc_are_kept() {
    assert_eq!(with_warnings_denied(None), "-D warnings");
    assert_eq!(with_warnings_denied(Some("--cfg x".to_owned())), "--cfg x -D warnings");
}

#[test]
fn a_dependency_that_asks_for_a_newer_rust_is_named() {
    let packages: Vec<Package> =
        [("old", "1.9"), ("same", "1.89.0"), ("new", "1.90"), ("silent", "")]
            .map(|(name, version)| Package {
                name: name.to_owned(),
                rust_version: version.to_owned(),
                ..Package::default()
            })
            .into();
    assert_eq!(newer_than("1.89", &packages), ["new 1.90"]);
    assert_eq!(newer_than("1.91", &packages), [""; 0]);
}
