//! `cargo xtask mutate`: breaks the shipped Lua scripts statement by statement and sees whether
//! tests notice.
//!
//! Every statement that calls Redis is broken once (`statements::broken`) for each kind of server:
//! the fake runs the script with that (`FakeRedis::replace_in_scripts`), and a proxy in the tests
//! sends it so to real servers (`tests/it/broken.rs`). The tests of the script's part must fail:
//! those of its verb are tried first, on real servers the one that noticed on the fake, and the
//! first red one ends it. Nothing is compiled again, no file of the workspace is changed.

mod chosen;
mod explained;
mod statements;
mod trial;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use crate::failure::Failure;
use crate::{say, server, shell};
use chosen::{On, Tests};
use statements::Statement;
use trial::Trials;

const SCRIPTS: &str = "crates/coord-redis/src/scripts";

/// A script with the statement to break.
struct Mutant {
    file: PathBuf,
    /// The file below [`SCRIPTS`].
    script: String,
    statement: Statement,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    on: Vec<On>,
    /// What the places of the mutants contain, one or the other; all if there is nothing.
    only: Vec<String>,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self, Failure> {
        let usage = "cargo xtask mutate [--on fake|real|both] [PLACE...]";
        let wrong = |what: String| Failure::new(what, usage);
        let (mut on, mut only) = (vec![On::Fake, On::Real], Vec::new());
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--on" => {
                    on = match args.next() {
                        Some("fake") => vec![On::Fake],
                        Some("real") => vec![On::Real],
                        Some("both") => vec![On::Fake, On::Real],
                        other => {
                            let other = other.unwrap_or("nothing");
                            return Err(wrong(format!("there is no server {other}")));
                        }
                    }
                }
                option if option.starts_with('-') => {
                    return Err(wrong(format!("there is no option {option}")));
                }
                place => only.push(place.to_owned()),
            }
        }
        Ok(Self { on, only })
    }
}

/// Runs all mutants, or those whose place (`compact/ack.lua:8`) contains one of the arguments.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let wish = Wish::parse(args)?;
    let explained = explained::explained()?;
    let (all, start) = (mutants(&wish.only)?, Instant::now());
    let is_of = |it: &explained::Explained, mutant: &Mutant| {
        it.script == mutant.script && it.text == mutant.statement.text
    };
    for it in &explained {
        if wish.only.is_empty() && !all.iter().any(|mutant| is_of(it, mutant)) {
            return Err(Failure::new(
                format!("{} has no statement `{}`", it.script, it.text),
                "correct or remove it in xtask/src/mutate/explained.txt",
            ));
        }
    }
    let total = all.len();
    let run: Vec<Mutant> =
        all.into_iter().filter(|it| !explained.iter().any(|known| is_of(known, it))).collect();
    let real = if wish.on.contains(&On::Real) {
        let found = server::provide()?.ok_or_else(|| {
            Failure::new("no real server to break scripts on", "install one, or ask for --on fake")
        })?;
        Some(found.path)
    } else {
        None
    };
    let trials = Trials::new(&tests()?, real)?;
    let survivors = try_all(&trials, &wish.on, &run)?;
    let on: Vec<&str> = wish.on.iter().map(|on| on.name()).collect();
    let missed: BTreeSet<&str> = survivors.iter().map(|it| it.place.as_str()).collect();
    say::line(&format!(
        "{total} broken statements on {} in {} s: {} noticed, {} explained, {} survivors",
        on.join(" and "),
        start.elapsed().as_secs(),
        run.len() - missed.len(),
        total - run.len(),
        missed.len()
    ));
    if survivors.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = survivors.iter().map(Survivor::line).collect();
    Err(Failure::new(
        format!("{} of {total} broken statements are missed by every test", missed.len()),
        format!("write a test that fails then\n  {}", lines.join("\n  ")),
    ))
}

/// A mutant that no test noticed on a kind of server.
struct Survivor {
    place: String,
    text: String,
    on: On,
}

impl Survivor {
    fn line(&self) -> String {
        format!("{} on {}: {}", self.place, self.on.name(), self.text)
    }
}

/// The mutants that no test notices.
fn try_all(trials: &Trials, on: &[On], run: &[Mutant]) -> Result<Vec<Survivor>, Failure> {
    all_pass(trials, on, run)?;
    let mut survivors = Vec::new();
    for (at, mutant) in run.iter().enumerate() {
        let (place, text) = (mutant.place(), mutant.text()?);
        let mut first = None;
        for &on in on {
            let began = Instant::now();
            let by = notices(trials, on, mutant, &text, first.as_deref())?;
            let verdict =
                by.as_deref().map_or("SURVIVES".to_owned(), |by| format!("noticed by {by}"));
            let (statement, took) = (&mutant.statement.text, began.elapsed().as_secs_f32());
            let at = format!("{}/{}", at + 1, run.len());
            say::line(&format!(
                "{at} {place} on {}: {verdict} in {took:.1} s: {statement}",
                on.name()
            ));
            first = by;
            if first.is_none() {
                survivors.push(Survivor { place: place.clone(), text: statement.clone(), on });
            }
        }
    }
    Ok(survivors)
}

/// The test that notices, if any; the one that did on the fake is tried first.
fn notices(
    trials: &Trials,
    on: On,
    mutant: &Mutant,
    text: &str,
    first: Option<&str>,
) -> Result<Option<String>, Failure> {
    let (script, on_real) = (&mutant.script, on == On::Real);
    let twin = first.filter(|_| on_real).map(|first| Tests::one(&chosen::twin(first)));
    let all = [twin, chosen::narrow(script, on), Some(chosen::wide(script, on))];
    for tests in all.into_iter().flatten() {
        if let Some(by) = trials.run(on, &tests, &mutant.file, Some(text))? {
            return Ok(Some(by));
        }
    }
    Ok(None)
}

impl Mutant {
    /// `script:line`.
    fn place(&self) -> String {
        format!("{}:{}", self.script, self.statement.first + 1)
    }

    /// The script with its statement broken.
    fn text(&self) -> Result<String, Failure> {
        let text = read(&self.file)?;
        let mut lines: Vec<&str> = text.lines().collect();
        let broken = statements::broken(&self.statement.text);
        let Statement { first, lines: count, .. } = self.statement;
        lines.splice(first..first + count, [broken.as_str()]);
        Ok(lines.join("\n") + "\n")
    }
}

/// The statements that call Redis, of every script.
fn mutants(only: &[String]) -> Result<Vec<Mutant>, Failure> {
    let root = shell::root().join(SCRIPTS);
    let mut mutants = Vec::new();
    for folder in children(&root)? {
        for file in children(&folder)? {
            let below = file.strip_prefix(&root).unwrap_or(&file);
            let script = below.to_string_lossy().into_owned();
            let found = statements::statements(&read(&file)?);
            let calls = |it: &Statement| {
                ["redis.call(", "redis.pcall("].iter().any(|call| it.text.contains(call))
            };
            let found = found.into_iter().filter(calls);
            let found = found.map(|it| Mutant {
                file: file.clone(),
                script: script.clone(),
                statement: it,
            });
            let is_meant = |it: &Mutant| {
                only.is_empty() || only.iter().any(|place| it.place().contains(place))
            };
            mutants.extend(found.filter(is_meant));
        }
    }
    Ok(mutants)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| problem(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| problem(file, &error))
}

fn problem(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", file.display()), "run it from the workspace")
}

/// Builds the tests of coord-redis and finds their program.
fn tests() -> Result<PathBuf, Failure> {
    let mut command = shell::cargo();
    command.args(["test", "-p", "coord-redis", "--test", "it", "--no-run"]);
    command.arg("--message-format=json").stderr(Stdio::inherit());
    let advice = "see the errors of the compiler above";
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("could not start cargo: {error}"), advice))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let program = text.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    });
    program.ok_or_else(|| Failure::new("the tests of coord-redis do not build", advice))
}

/// Checks that the tests pass with whole scripts: otherwise everything would count as noticed.
fn all_pass(trials: &Trials, on: &[On], mutants: &[Mutant]) -> Result<(), Failure> {
    let mut seen: Vec<(On, Tests)> = Vec::new();
    for mutant in mutants {
        for &on in on {
            let tests = (on, chosen::wide(&mutant.script, on));
            if seen.contains(&tests) {
                continue;
            }
            if let Some(by) = trials.run(on, &tests.1, &mutant.file, None)? {
                return Err(Failure::new(
                    format!("{by} fails on {} with the whole {}", on.name(), mutant.script),
                    "mend it first: cargo test -p coord-redis --test it",
                ));
            }
            seen.push(tests);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
