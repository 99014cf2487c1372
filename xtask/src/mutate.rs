//! `cargo xtask mutate`: breaks the shipped Lua scripts line by line and sees whether tests notice.
//!
//! Every line that calls Redis is left out once; the fake server then runs the script without it
//! (`FakeRedis::replace_in_scripts`), and the tests of the script's part must fail. Nothing is
//! compiled again and no file of the workspace is changed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::failure::Failure;
use crate::{say, shell};

const SCRIPTS: &str = "crates/coord-redis/src/scripts";

/// A script with the line to leave out.
struct Mutant {
    file: PathBuf,
    /// From 1 on.
    line: usize,
}

/// Longest that the tests of one mutant may take; a hang counts as noticed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs all mutants, or those of the files whose path contains the argument.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let only = args.first().map_or("", String::as_str);
    let binary = tests()?;
    let broken = env::temp_dir().join(format!("coord-broken-{}.lua", std::process::id()));
    let mutants = mutants(only)?;
    let mut seen: Vec<&[&str]> = Vec::new();
    for file in mutants.iter().map(|mutant| &mutant.file) {
        if seen.contains(&filters(file)) {
            continue;
        }
        seen.push(filters(file));
        // Otherwise everything would count as noticed.
        if notices(&binary, file, file)? {
            return Err(Failure::new(
                format!("the tests of {} fail with the whole script", file.display()),
                "mend them first: cargo test -p coord-redis --test it",
            ));
        }
    }
    let mut survivors = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let text = read(&mutant.file)?;
        let line = text.lines().nth(mutant.line - 1).unwrap_or_default().trim().to_owned();
        let kept = text.lines().enumerate().filter(|(index, _)| index + 1 != mutant.line);
        let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
        fs::write(&broken, kept.join("\n") + "\n").map_err(|error| problem(&broken, &error))?;
        let shown = mutant.file.strip_prefix(shell::root().join(SCRIPTS)).unwrap_or(&mutant.file);
        let place = format!("{}:{}", shown.display(), mutant.line);
        let noticed = notices(&binary, &mutant.file, &broken)?;
        let verdict = if noticed { "noticed" } else { "SURVIVES" };
        say::line(&format!("{}/{} {verdict} {place} {line}", at + 1, mutants.len()));
        if !noticed {
            survivors.push(format!("{place} {line}"));
        }
    }
    let _best_effort = fs::remove_file(&broken);
    if survivors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("{} of {} lines are missed by no test", survivors.len(), mutants.len()),
        format!("write a test that fails without\n  {}", survivors.join("\n  ")),
    ))
}

/// The lines that call Redis, of every script.
fn mutants(only: &str) -> Result<Vec<Mutant>, Failure> {
    let root = shell::root().join(SCRIPTS);
    let mut mutants = Vec::new();
    for folder in children(&root)? {
        for file in children(&folder)? {
            if !file.to_string_lossy().contains(only) {
                continue;
            }
            for (index, line) in read(&file)?.lines().enumerate() {
                if line.contains("redis.call(") && !line.trim_start().starts_with("--") {
                    mutants.push(Mutant { file: file.clone(), line: index + 1 });
                }
            }
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
    command.args([
        "test",
        "-p",
        "coord-redis",
        "--test",
        "it",
        "--no-run",
        "--message-format=json",
    ]);
    command.stderr(Stdio::inherit());
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

/// The tests that a script belongs to.
fn filters(script: &Path) -> &'static [&'static str] {
    let path = script.to_string_lossy();
    match () {
        () if path.contains("registry") => &["registry::", "registry_keys::", "registry_proofs::"],
        () if path.contains("breaker") => &["breaker::", "breaker_records::", "breaker_faults::"],
        () if path.contains("subscri") || path.contains("publish") => &["publish::", "subscribe::"],
        () if path.contains("compact") => &["fake::compact", "leftovers::compact"],
        () if path.contains("tta") => &["fake::tta", "leftovers::tta"],
        () => &["fake::", "leftovers::", "registry::", "breaker::"],
    }
}

/// Whether the tests on the fake fail with a script broken so.
fn notices(binary: &Path, whole: &Path, broken: &Path) -> Result<bool, Failure> {
    let mut command = Command::new(binary);
    command.args(filters(whole)).args(["--skip", "real"]);
    command.env("COORD_BROKEN_SCRIPT", format!("{}:{}", whole.display(), broken.display()));
    command.current_dir(shell::root().join("crates/coord-redis"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let advice = "build the tests anew";
    let mut child = command
        .spawn()
        .map_err(|error| Failure::new(format!("could not start the tests: {error}"), advice))?;
    let start = std::time::Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(!status.success()),
            Ok(None) if start.elapsed() > PATIENCE => {
                let _gone = child.kill();
                let _reaped = child.wait();
                return Ok(true);
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => {
                return Err(Failure::new(format!("waiting for the tests: {error}"), advice));
            }
        }
    }
}
