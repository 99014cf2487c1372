//! Running tests with a broken script until one of them fails.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use super::chosen::{On, Tests};
use super::problem;
use crate::failure::Failure;
use crate::{server, shell};

/// Longest that no test may end; whole scripts take a fifth of it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tests at a time: those on real servers mostly wait.
const fn threads(on: On) -> usize {
    match on {
        On::Fake => 2,
        On::Real => 8,
    }
}

/// How often tests may be red by chance; a statement with more of that is not noticed.
const CHANCES: usize = 5;

/// How tests came to an end that is no good one.
enum Red {
    /// This one failed.
    Failed(String),
    /// None ended any more; those that had ended.
    Hung(Vec<String>),
    /// Their program ended without a word about any of them.
    Ended,
}

/// The tests' program, and a directory for all that runs of it leave.
pub(super) struct Trials {
    dir: PathBuf,
    real: Option<PathBuf>,
}

impl Trials {
    /// With a copy of the program: whoever builds meanwhile does not change what runs.
    pub(super) fn new(program: &Path, real: Option<PathBuf>) -> Result<Self, Failure> {
        let dir = env::temp_dir().join(format!("coord-mutate-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| problem(&dir, &error))?;
        let trials = Self { dir, real };
        fs::copy(program, trials.program()).map_err(|error| problem(program, &error))?;
        Ok(trials)
    }

    fn program(&self) -> PathBuf {
        self.dir.join("tests")
    }

    /// The first test that fails with the script so; with the whole script when there is no text.
    ///
    /// What may be by chance counts only if the test is red alone, too: a failure on a real server,
    /// where time passes by itself, and that a test did not end.
    pub(super) fn run(
        &self,
        on: On,
        tests: &Tests,
        whole: &Path,
        text: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let broken = self.dir.join("broken.lua");
        if let Some(text) = text {
            fs::write(&broken, text).map_err(|error| problem(&broken, &error))?;
        }
        let script = if text.is_some() { broken.as_path() } else { whole };
        let script = format!("{}:{}", whole.display(), script.display());
        let mut by_chance = Vec::new();
        for _ in 0..CHANCES {
            let suspects = match self.once(on, tests, &by_chance, &script)? {
                None => return Ok(None),
                Some(Red::Ended) => return Ok(Some("the end of the tests' program".to_owned())),
                Some(Red::Failed(by)) if on == On::Fake || tests.exact => return Ok(Some(by)),
                Some(Red::Failed(by)) => vec![by],
                Some(Red::Hung(_)) if tests.exact => return Ok(tests.named.first().cloned()),
                Some(Red::Hung(ended)) => {
                    let mut going = self.names(tests, &by_chance)?;
                    going.retain(|name| !ended.contains(name));
                    going.truncate(threads(on));
                    going
                }
            };
            for name in &suspects {
                if self.once(on, &Tests::one(name), &[], &script)?.is_some() {
                    return Ok(Some(name.clone()));
                }
            }
            by_chance.extend(suspects);
        }
        Ok(None)
    }

    /// The program with its choice of tests.
    fn command(&self, tests: &Tests, but: &[String]) -> Command {
        let mut command = Command::new(self.program());
        command.args(&tests.named);
        if tests.exact {
            command.arg("--exact");
        }
        for name in tests.skipped.iter().copied().chain(but.iter().map(String::as_str)) {
            command.args(["--skip", name]);
        }
        command
    }

    /// The names of those tests, in the order in which they run.
    fn names(&self, tests: &Tests, but: &[String]) -> Result<Vec<String>, Failure> {
        let listed = self.command(tests, but).arg("--list").output().map_err(not_run)?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        let name = |line: &str| line.strip_suffix(": test").map(str::to_owned);
        Ok(listed.lines().filter_map(name).collect())
    }

    fn once(
        &self,
        on: On,
        tests: &Tests,
        but: &[String],
        script: &str,
    ) -> Result<Option<Red>, Failure> {
        let mut command = self.command(tests, but);
        command.env("COORD_BROKEN_SCRIPT", script).env("COORD_BROKEN_ON", on.name());
        if env::var_os("RUST_TEST_THREADS").is_none() {
            command.env("RUST_TEST_THREADS", threads(on).to_string());
        }
        for name in [server::SERVER_BIN, "COORD_TEST_REDIS_URL", "COORD_REQUIRE_REAL"] {
            command.env_remove(name);
        }
        match (on, &self.real) {
            (On::Real, Some(real)) => command.env(server::SERVER_BIN, real),
            // Without a path nobody finds a real server, and tests that need one pass over.
            _ => command.env("PATH", ""),
        };
        let scratch = self.dir.join("scratch");
        fs::create_dir_all(&scratch).map_err(|error| problem(&scratch, &error))?;
        // A group of their own: their servers go with them.
        command.env("TMPDIR", &scratch).process_group(0);
        command.current_dir(shell::root().join("crates/coord-redis"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let red = first_red(command.spawn().map_err(not_run)?).map_err(not_run)?;
        let _best_effort = fs::remove_dir_all(&scratch);
        Ok(red)
    }
}

impl Drop for Trials {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.dir);
    }
}

// By value: it stands where errors are mapped.
#[expect(clippy::needless_pass_by_value, reason = "reads better at every call")]
fn not_run(error: std::io::Error) -> Failure {
    Failure::new(format!("running the tests: {error}"), "build the tests anew")
}

/// Reads what the tests say until one fails, and ends them then.
fn first_red(mut child: Child) -> std::io::Result<Option<Red>> {
    let output = child.stdout.take().map(BufReader::new);
    let (told, hears) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            let ended = [(" ... ok", true), (" ... FAILED", false)]
                .iter()
                .find_map(|(end, passed)| Some((line.strip_suffix(end)?, *passed)));
            let Some((name, passed)) = ended else { continue };
            let name = name.trim_start_matches("test ").to_owned();
            if told.send((name, passed)).is_err() {
                break;
            }
        }
    });
    let mut passed = Vec::new();
    let red = loop {
        match hears.recv_timeout(PATIENCE) {
            Ok((name, true)) => passed.push(name),
            Ok((name, false)) => {
                end(&mut child)?;
                break Some(Red::Failed(name));
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child)?;
                break Some(Red::Hung(passed));
            }
            Err(RecvTimeoutError::Disconnected) => {
                break (!child.wait()?.success()).then_some(Red::Ended);
            }
        }
    };
    let _ended = reader.join();
    Ok(red)
}

/// Ends a program and whatever it has started.
fn end(child: &mut Child) -> std::io::Result<()> {
    Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status()?;
    child.wait().map(drop)
}
