//! `cargo xtask ci`: all that CI runs, step by step, ending at the first failure.

mod features;
mod msrv;

use std::env;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::{metadata, say, shell, test, tidy};

/// One step: a name for the command line, what it does, and the work.
struct Step {
    name: &'static str,
    about: &'static str,
    work: fn() -> Result<Verdict, Failure>,
}

/// How a step that did not fail ended.
pub(crate) enum Verdict {
    Passed,
    /// It could not run here; the reason is said aloud.
    NotRun(String),
}

/// Quick steps first, so that a small slip is told early.
const STEPS: [Step; 9] = [
    Step { name: "fmt", about: "the code is formatted", work: fmt },
    Step { name: "tidy", about: "the rules of the house hold", work: tidy_step },
    Step { name: "test", about: "every test passes", work: test_step },
    Step { name: "quickstart", about: "the first example runs with no server", work: quickstart },
    Step { name: "clippy", about: "no warning in any target, with all features", work: clippy },
    Step { name: "doc", about: "the documentation builds without a warning", work: doc },
    Step {
        name: "features",
        about: "each crate stands alone, with each of its features",
        work: features::run,
    },
    Step {
        name: "msrv",
        about: "the workspace builds with the oldest Rust we promise",
        work: msrv::run,
    },
    Step { name: "deny", about: "dependencies: advisories, licences, sources", work: deny },
];

/// Runs all steps, or those that the arguments choose.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if args.iter().any(|arg| arg == "--list") {
        for step in &STEPS {
            say::line(&format!("{:<12}{}", step.name, step.about));
        }
        return Ok(());
    }
    let chosen = choose(args)?;
    let mut done: Vec<(&str, Duration, Option<String>)> = Vec::new();
    for step in chosen {
        say::title(&format!("{}: {}", step.name, step.about));
        let started = Instant::now();
        let verdict = (step.work)().map_err(|failure| {
            Failure::new(format!("step `{}`: {}", step.name, failure.what), failure.advice)
        })?;
        let reason = match verdict {
            Verdict::Passed => None,
            Verdict::NotRun(reason) => {
                say::loud(&format!("not run: {reason}"));
                Some(reason)
            }
        };
        say::line(&format!("{} took {}", step.name, say::duration(started.elapsed())));
        done.push((step.name, started.elapsed(), reason));
    }
    say::title("summary");
    for (name, spent, reason) in done {
        match reason {
            None => say::good(&format!("{name:<12}passed in {}", say::duration(spent))),
            Some(reason) => say::loud(&format!("{name:<12}not run: {reason}")),
        }
    }
    Ok(())
}

/// The steps named, or all of them, without those after `--skip`.
fn choose(args: &[String]) -> Result<Vec<&'static Step>, Failure> {
    let find = |name: &str| {
        STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
            Failure::new(
                format!("there is no step `{name}`"),
                "`cargo xtask ci --list` names the steps",
            )
        })
    };
    let (mut named, mut skipped) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--skip" {
            skipped.push(find(args.next().map_or("", String::as_str))?.name);
        } else {
            named.push(find(arg)?.name);
        }
    }
    let wanted = |step: &&Step| named.is_empty() || named.contains(&step.name);
    Ok(STEPS.iter().filter(wanted).filter(|step| !skipped.contains(&step.name)).collect())
}

fn fmt() -> Result<Verdict, Failure> {
    if !has_component("fmt", "rustfmt") {
        return Ok(Verdict::NotRun("no rustfmt here (rustup component add rustfmt)".to_owned()));
    }
    let mut command = shell::cargo();
    shell::run(command.args(["fmt", "--all", "--check"]), "cargo fmt --all")?;
    Ok(Verdict::Passed)
}

fn tidy_step() -> Result<Verdict, Failure> {
    tidy::run(&[])?;
    Ok(Verdict::Passed)
}

fn test_step() -> Result<Verdict, Failure> {
    test::run_with(&[], shell::flag("COORD_REQUIRE_REAL") || shell::flag("CI"))?;
    Ok(Verdict::Passed)
}

/// Runs the example with a newcomer's own command, with no server, and within a bound.
fn quickstart() -> Result<Verdict, Failure> {
    let example = "quickstart".to_owned();
    let packages = metadata::packages()?;
    if !packages.iter().any(|package| package.examples.contains(&example)) {
        return Ok(Verdict::NotRun("no crate has an example called quickstart".to_owned()));
    }
    let advice = "cargo run --example quickstart";
    shell::run(shell::cargo().args(["build", "--quiet", "--example", "quickstart"]), advice)?;
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--example", "quickstart"]).env_remove("COORD_REDIS_URL");
    shell::run_within(&mut command, Duration::from_secs(120), advice)?;
    Ok(Verdict::Passed)
}

fn clippy() -> Result<Verdict, Failure> {
    if !has_component("clippy", "clippy") {
        return Ok(Verdict::NotRun("no clippy here (rustup component add clippy)".to_owned()));
    }
    let mut command = shell::cargo();
    command.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]);
    shell::run(&mut command, "mend what clippy says; an `#[expect(...)]` needs a reason")?;
    Ok(Verdict::Passed)
}

fn doc() -> Result<Verdict, Failure> {
    let mut command = shell::cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", with_warnings_denied(env::var("RUSTDOCFLAGS").ok()));
    shell::run(&mut command, "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps")?;
    Ok(Verdict::Passed)
}

fn deny() -> Result<Verdict, Failure> {
    if shell::which("cargo-deny").is_none() {
        return Ok(Verdict::NotRun(
            "cargo-deny is not installed (cargo install cargo-deny); CI has a job of its own"
                .to_owned(),
        ));
    }
    shell::run(shell::cargo().args(["deny", "check"]), "read deny.toml and what cargo-deny says")?;
    Ok(Verdict::Passed)
}

/// True where `cargo TOOL` answers, if need be after asking rustup for its component.
fn has_component(tool: &str, component: &str) -> bool {
    let answers = || shell::output(shell::cargo().args([tool, "--version"])).is_some();
    if answers() {
        return true;
    }
    let mut command = shell::program("rustup");
    command.args(["component", "add", component]);
    let added = shell::run_within(&mut command, Duration::from_secs(120), "");
    added.is_ok() && answers()
}

/// The user's flags, with `-D warnings` behind them.
fn with_warnings_denied(flags: Option<String>) -> String {
    format!("{} -D warnings", flags.unwrap_or_default()).trim().to_owned()
}

#[cfg(test)]
mod tests;
