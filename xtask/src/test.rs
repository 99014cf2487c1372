//! `cargo xtask test`: every test of the workspace, with the server that some of them need.

mod lines;
mod report;

use std::time::Instant;

use crate::failure::Failure;
use crate::server::{self, Server};
use crate::{say, shell};
use report::Report;

/// The variable that makes a missing server a failure, read here and by the tests.
const REQUIRE_REAL: &str = "COORD_REQUIRE_REAL";

/// The variable by which the tests use a server that already runs, where they need no special one.
const RUNNING_SERVER: &str = "COORD_TEST_REDIS_URL";

/// Runs the tests; these arguments go to `cargo test`, those after `--` to the tests.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    run_with(args, shell::flag(REQUIRE_REAL))
}

/// As [`run`], where `required` makes a test that could not run for want of a server a failure.
pub(crate) fn run_with(args: &[String], required: bool) -> Result<(), Failure> {
    let started = Instant::now();
    let server = server::provide()?;
    match &server {
        Some(server) => say::line(&format!("server: {}", described(server))),
        None if required && !shell::flag(RUNNING_SERVER) => {
            return Err(Failure::new(
                format!("no redis-server or valkey-server, and {REQUIRE_REAL} asks for one"),
                format!("install one, or name it with {} or {RUNNING_SERVER}", server::SERVER_BIN),
            ));
        }
        None => say::loud("no server: tests that need a real one will say that they did not run"),
    }

    if shell::flag(RUNNING_SERVER) {
        say::loud(&format!("{RUNNING_SERVER} is set: most tests use the server that it names"));
    }

    let mut command = shell::cargo();
    command.args(arguments(args));
    if let Some(server) = &server {
        command.env(server::SERVER_BIN, &server.path);
    }
    if required {
        command.env(REQUIRE_REAL, "1");
    }
    let advice =
        "the failing tests are printed above; run one alone: cargo xtask test -p CRATE NAME";
    let mut report = Report::default();
    let status = lines::run(&mut command, |line| {
        if report.read(line) {
            say::line(line);
        }
    })
    .map_err(|error| Failure::new(format!("could not run cargo: {error}"), advice))?;

    summary(&report, server.as_ref(), started);
    if !status.success() || report.failed > 0 {
        return Err(Failure::new(format!("`cargo test` ended with {status}"), advice));
    }
    if required && report.lacks_server() {
        return Err(Failure::new(
            format!("{REQUIRE_REAL} is set, and tests did not run for want of a server"),
            "the lines `ignored: no redis-server` above name them",
        ));
    }
    Ok(())
}

/// The arguments of cargo: all packages and all features unless the user chose, and the output
/// of passing tests, because that is where a test says what it did not run.
fn arguments(user: &[String]) -> Vec<String> {
    let split = user.iter().position(|arg| arg == "--").unwrap_or(user.len());
    let (cargo, tests) = user.split_at(split);
    let chosen = |names: &[&str]| {
        cargo.iter().any(|arg| {
            let name = arg.split('=').next().unwrap_or(arg);
            names.contains(&name)
                || names.iter().any(|short| short.len() == 2 && arg.starts_with(short))
        })
    };
    let mut all = vec!["test".to_owned(), "--no-fail-fast".to_owned()];
    if !chosen(&["-p", "--package", "--workspace", "--all", "--manifest-path"]) {
        all.push("--workspace".to_owned());
    }
    if !chosen(&["-F", "--features", "--all-features", "--no-default-features"]) {
        all.push("--all-features".to_owned());
    }
    all.extend_from_slice(cargo);
    all.extend(["--".to_owned(), "--show-output".to_owned()]);
    all.extend(tests.iter().skip(1).cloned());
    all
}

fn summary(report: &Report, server: Option<&Server>, started: Instant) {
    say::title("summary of the tests");
    say::line(&format!(
        "{} passed, {} failed, {} ignored, in {} ({})",
        report.passed,
        report.failed,
        report.ignored,
        say::count(report.programs, "test program"),
        say::duration(started.elapsed()),
    ));
    match server {
        Some(server) => say::line(&format!("server: {}", described(server))),
        None => say::loud("server: none; what needs a real one did not run"),
    }
    if !report.aloud.is_empty() {
        say::loud(&format!("did not run ({}):", report.aloud.len()));
        for line in &report.aloud {
            say::loud(&format!("  {line}"));
        }
    }
}

fn described(server: &Server) -> String {
    format!("{}, version {}", server.path.display(), server.version)
}

#[cfg(test)]
mod tests;
