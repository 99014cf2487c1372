//! `cargo xtask mutate`: breaks the shipped Lua scripts statement by statement and sees whether
//! tests notice.
//!
//! Every statement that calls Redis is broken once (`statements::broken`); the fake server then
//! runs the script with that (`FakeRedis::replace_in_scripts`), and the tests of the script's part
//! must fail: those of its verb are tried first, and the first red one ends it. Nothing is
//! compiled again, no file of the workspace is changed, no other server is started.

mod explained;
mod statements;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::failure::Failure;
use crate::{say, shell};
use statements::Statement;

const SCRIPTS: &str = "crates/coord-redis/src/scripts";

/// Longest that no test may end; a hang counts as noticed. Whole scripts take a fifth of it.
const PATIENCE: Duration = Duration::from_secs(15);

/// A script with the statement to break.
struct Mutant {
    file: PathBuf,
    /// The file below [`SCRIPTS`].
    script: String,
    statement: Statement,
}

/// Which tests run: their names contain one of the first, none of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tests {
    named: Vec<String>,
    skipped: &'static [&'static str],
}

/// Runs all mutants, or those whose place (`compact/ack.lua:8`) contains the argument.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let only = args.first().map_or("", String::as_str);
    let explained = explained::explained()?;
    let (all, start) = (mutants(only)?, Instant::now());
    let is_of = |it: &explained::Explained, mutant: &Mutant| {
        it.script == mutant.script && it.text == mutant.statement.text
    };
    for it in &explained {
        if only.is_empty() && !all.iter().any(|mutant| is_of(it, mutant)) {
            return Err(Failure::new(
                format!("{} has no statement `{}`", it.script, it.text),
                "correct or remove it in xtask/src/mutate/explained.txt",
            ));
        }
    }
    let total = all.len();
    let run: Vec<Mutant> =
        all.into_iter().filter(|it| !explained.iter().any(|known| is_of(known, it))).collect();
    // A copy: whoever builds meanwhile does not change what runs.
    let binary = env::temp_dir().join(format!("coord-mutate-{}", std::process::id()));
    let built = tests()?;
    fs::copy(&built, &binary).map_err(|error| problem(&built, &error))?;
    let survivors = try_all(&binary, &run);
    let _best_effort = fs::remove_file(&binary);
    let survivors = survivors?;
    say::line(&format!(
        "{} broken statements in {} s: {} noticed, {} explained, {} survivors",
        total,
        start.elapsed().as_secs(),
        run.len() - survivors.len(),
        total - run.len(),
        survivors.len()
    ));
    if survivors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("{} of {total} broken statements are missed by every test", survivors.len()),
        format!("write a test that fails then\n  {}", survivors.join("\n  ")),
    ))
}

/// The mutants that no test notices.
fn try_all(binary: &Path, run: &[Mutant]) -> Result<Vec<String>, Failure> {
    all_pass(binary, run)?;
    let broken = env::temp_dir().join(format!("coord-broken-{}.lua", std::process::id()));
    let mut survivors = Vec::new();
    for (at, mutant) in run.iter().enumerate() {
        fs::write(&broken, mutant.text()?).map_err(|error| problem(&broken, &error))?;
        let place = mutant.place();
        let noticed = match narrow(&mutant.script) {
            Some(tests) if notices(binary, &tests, &mutant.file, &broken)? => true,
            _ => notices(binary, &wide(&mutant.script), &mutant.file, &broken)?,
        };
        let (verdict, text) =
            (if noticed { "noticed" } else { "SURVIVES" }, &mutant.statement.text);
        say::line(&format!("{}/{} {verdict} {place} {text}", at + 1, run.len()));
        if !noticed {
            survivors.push(format!("{place} {text}"));
        }
    }
    let _best_effort = fs::remove_file(&broken);
    Ok(survivors)
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
fn mutants(only: &str) -> Result<Vec<Mutant>, Failure> {
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
            mutants.extend(found.filter(|it| it.place().contains(only)));
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
fn all_pass(binary: &Path, mutants: &[Mutant]) -> Result<(), Failure> {
    let mut seen: Vec<Tests> = Vec::new();
    for mutant in mutants {
        let tests = wide(&mutant.script);
        if seen.contains(&tests) {
            continue;
        }
        if notices(binary, &tests, &mutant.file, &mutant.file)? {
            return Err(Failure::new(
                format!("the tests of {} fail with the whole script", mutant.script),
                "mend them first: cargo test -p coord-redis --test it",
            ));
        }
        seen.push(tests);
    }
    Ok(())
}

/// What is not worth its time here: restricted users, traffic of several seconds.
const SLOW: &[&str] = &["acl::", "real", "healthy_traffic"];

/// The tests that most probably notice.
fn narrow(script: &str) -> Option<Tests> {
    let (part, verb) = script.strip_suffix(".lua")?.split_once('/')?;
    let named = match (part, verb) {
        ("compact" | "tta", "bury" | "find" | "unwait") => return None,
        ("compact" | "tta", _) => format!("fake::{part}::{verb}::"),
        ("registry", "bury") => "liveness::".to_owned(),
        ("registry", "register" | "deregister" | "heartbeat" | "events") => {
            format!("registry::fake_compact::{verb}::")
        }
        _ => return None,
    };
    Some(Tests { named: vec![named], skipped: SLOW })
}

/// All tests that a script belongs to.
fn wide(script: &str) -> Tests {
    let mail = [
        "fake::",
        "leftovers::",
        "publish::",
        "reconcile::",
        "wait::",
        "handed_over::",
        "between::",
    ]
    .as_slice();
    let (named, skipped): (&[&str], _) = match () {
        () if script.contains("registry") => (
            ["registry::", "registry_keys::", "registry_proofs::"].as_slice(),
            ["real", "ten_thousand"].as_slice(),
        ),
        () if script.contains("breaker") => {
            (["breaker::", "breaker_records::", "breaker_faults::"].as_slice(), SLOW)
        }
        () if script.contains("subscri") || script.contains("publish") => {
            (["publish::", "subscribe::", "broadcast::"].as_slice(), SLOW)
        }
        () if script.contains("compact/") || script.contains("lib/compact") => {
            (mail, ["acl::", "real", "healthy_traffic", "tta"].as_slice())
        }
        () if script.contains("tta") => {
            (mail, ["acl::", "real", "healthy_traffic", "compact"].as_slice())
        }
        () if script.contains("time") => (["fake::", "registry::", "breaker::"].as_slice(), SLOW),
        () => (mail, SLOW),
    };
    Tests { named: named.iter().map(|&name| name.to_owned()).collect(), skipped }
}

/// Whether a test on the fake fails with a script broken so.
fn notices(binary: &Path, tests: &Tests, whole: &Path, broken: &Path) -> Result<bool, Failure> {
    let mut command = Command::new(binary);
    command.args(&tests.named);
    for name in tests.skipped {
        command.args(["--skip", name]);
    }
    command.env("COORD_BROKEN_SCRIPT", format!("{}:{}", whole.display(), broken.display()));
    if env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", "2");
    }
    // Without a path nobody finds a real server, and tests that need one pass over.
    command.env("PATH", "");
    for name in ["COORD_TEST_SERVER_BIN", "COORD_TEST_REDIS_URL", "COORD_REQUIRE_REAL"] {
        command.env_remove(name);
    }
    command.current_dir(shell::root().join("crates/coord-redis"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |what: &str, error: &std::io::Error| {
        Failure::new(format!("{what} the tests: {error}"), "build the tests anew")
    };
    let mut child = command.spawn().map_err(|error| failed("starting", &error))?;
    let output = child.stdout.take().map(BufReader::new);
    let (told, hears) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            let failed = line.ends_with("... FAILED");
            if (failed || line.ends_with("... ok")) && told.send(failed).is_err() {
                break;
            }
        }
    });
    let noticed = loop {
        match hears.recv_timeout(PATIENCE) {
            Ok(false) => {}
            Ok(true) | Err(RecvTimeoutError::Timeout) => {
                let _gone = child.kill();
                let _reaped = child.wait();
                break true;
            }
            Err(RecvTimeoutError::Disconnected) => {
                break !child.wait().map_err(|error| failed("waiting for", &error))?.success();
            }
        }
    };
    let _ended = reader.join();
    Ok(noticed)
}
