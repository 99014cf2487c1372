use super::report::Report;
use super::{arguments, lines};
use crate::shell::program;

const OUTPUT: &str = "
running 3 tests
test a::works ... ok
test needs_a_server ... ok
test b ... FAILED

successes:

---- needs_a_server stdout ----
some chatter
ignored: no redis-server

successes:
    a::works
    needs_a_server

failures:

---- b stdout ----
it broke

failures:
    b

test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.01s

running 5 tests
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

fn read(output: &str) -> (Report, Vec<&str>) {
    let mut report = Report::default();
    let shown = output.lines().filter(|line| report.read(line)).collect();
    (report, shown)
}

#[test]
fn counts_add_up_over_programs() {
    let (report, _) = read(OUTPUT);
    let counts = (report.passed, report.failed, report.ignored, report.programs);
    assert_eq!(counts, (7, 1, 4, 2));
}

#[test]
fn what_a_passing_test_did_not_run_is_collected_with_its_name() {
    let (report, _) = read(OUTPUT);
    assert_eq!(report.aloud, ["ignored: no redis-server [needs_a_server]"]);
    assert!(report.lacks_server());
}

#[test]
fn a_name_that_the_line_already_has_is_not_repeated() {
    let (report, _) = read("successes:\n---- t stdout ----\nignored: no redis-server (t)\n");
    assert_eq!(report.aloud, ["ignored: no redis-server (t)"]);
}

#[test]
fn other_reasons_do_not_count_as_a_missing_server() {
    let (report, _) = read("ignored: no python3\n");
    assert_eq!(report.aloud.len(), 1);
    assert!(!report.lacks_server());
}

#[test]
fn failures_are_shown_and_the_chatter_of_passing_tests_is_not() {
    let (_, shown) = read(OUTPUT);
    assert!(shown.contains(&"it broke"));
    assert!(shown.contains(&"test a::works ... ok"));
    assert!(!shown.contains(&"some chatter"));
}

fn given(args: &[&str]) -> String {
    arguments(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>()).join(" ")
}

#[test]
fn everything_runs_by_default() {
    assert_eq!(given(&[]), "test --no-fail-fast --workspace --all-features -- --show-output");
}

#[test]
fn a_choice_of_package_or_features_is_respected() {
    assert_eq!(
        given(&["-p", "coord-core", "ack"]),
        "test --no-fail-fast --all-features -p coord-core ack -- --show-output"
    );
    assert_eq!(
        given(&["-pcoord-core", "--features=x"]),
        "test --no-fail-fast -pcoord-core --features=x -- --show-output"
    );
}

#[test]
fn what_follows_two_dashes_goes_to_the_tests() {
    assert_eq!(
        given(&["--", "--test-threads=1"]),
        "test --no-fail-fast --workspace --all-features -- --show-output --test-threads=1"
    );
}

/// The lines that this shell script prints, and whether it ended well.
#[cfg(unix)]
fn printed(script: &str) -> (Vec<String>, bool) {
    let mut all = Vec::new();
    let status = lines::run(program("sh").args(["-c", script]), |line| all.push(line.to_owned()));
    (all, status.expect("sh can be started").success())
}

#[cfg(unix)]
#[test]
fn every_line_arrives_also_the_last_without_an_end() {
    let (lines, success) = printed("for i in 1 2 3; do echo line $i; done; printf end; exit 3");
    assert_eq!(lines, ["line 1", "line 2", "line 3", "end"]);
    assert!(!success);
}

#[cfg(unix)]
#[test]
fn a_process_left_behind_is_not_waited_for() {
    let started = std::time::Instant::now();
    let (lines, success) = printed("sleep 20 & echo done");
    assert_eq!(lines, ["done"]);
    assert!(success);
    assert!(started.elapsed().as_secs() < 15);
}
