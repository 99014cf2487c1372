use super::{cargo, output, program, root, run, run_within, shown};
use std::time::Duration;

#[test]
fn a_command_is_shown_as_one_types_it() {
    assert_eq!(shown(program("apt-get").args(["install", "-y"])), "`apt-get install -y`");
    assert!(shown(cargo().arg("fmt")).ends_with("cargo fmt`"));
}

#[test]
fn a_program_that_is_not_there_is_a_failure_with_its_advice() {
    let failure = run(&mut program("no-such-program-at-all"), "install it").unwrap_err();
    assert!(failure.what.contains("no-such-program-at-all"), "{}", failure.what);
    assert_eq!(failure.advice, "install it");
    assert_eq!(output(&mut program("no-such-program-at-all")), None);
}

#[test]
fn the_root_holds_the_manifest_of_the_workspace() {
    assert!(root().join("Cargo.lock").is_file());
}

#[cfg(unix)]
#[test]
fn a_program_that_does_not_end_is_killed_at_its_limit() {
    let mut endless = program("sleep");
    let failure = run_within(endless.arg("600"), Duration::from_millis(100), "").unwrap_err();
    assert!(failure.what.contains("still running"), "{}", failure.what);
}

#[cfg(unix)]
#[test]
fn a_status_other_than_success_is_a_failure() {
    let wait = Duration::from_secs(60);
    assert!(run_within(&mut program("true"), wait, "").is_ok());
    assert!(run_within(&mut program("false"), wait, "").is_err());
    assert!(run(&mut program("false"), "").is_err());
}
