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

/// Longest that no test may end; a hang counts as noticed. Whole scripts take a fifth of it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tests at a time: those on real servers mostly wait.
const THREADS: [(On, &str); 2] = [(On::Fake, "2"), (On::Real, "8")];

/// What is said of tests that came to no end.
const HANG: &str = "a hang";

/// How often a test may turn out to be red by chance before the rest is believed.
const CHANCES: usize = 5;

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
    /// On a real server time passes by itself, so a test must fail again when it runs alone.
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
        let mut chances = Vec::new();
        loop {
            let Some(by) = self.once(on, tests, &chances, &script)? else { return Ok(None) };
            let is_sure = on == On::Fake || tests.exact || by == HANG;
            if is_sure || chances.len() == CHANCES {
                return Ok(Some(by));
            }
            if self.once(on, &Tests::one(&by), &[], &script)?.is_some() {
                return Ok(Some(by));
            }
            chances.push(by);
        }
    }

    fn once(
        &self,
        on: On,
        tests: &Tests,
        chances: &[String],
        script: &str,
    ) -> Result<Option<String>, Failure> {
        let mut command = Command::new(self.program());
        command.args(&tests.named);
        if tests.exact {
            command.arg("--exact");
        }
        let skipped = tests.skipped.iter().copied().chain(chances.iter().map(String::as_str));
        for name in skipped {
            command.args(["--skip", name]);
        }
        command.env("COORD_BROKEN_SCRIPT", script).env("COORD_BROKEN_ON", on.name());
        if env::var_os("RUST_TEST_THREADS").is_none() {
            let threads = THREADS.iter().find(|(kind, _)| *kind == on);
            command.env("RUST_TEST_THREADS", threads.map_or("1", |(_, threads)| threads));
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
        let failed = |error: std::io::Error| {
            Failure::new(format!("running the tests: {error}"), "build the tests anew")
        };
        let by = first_red(command.spawn().map_err(failed)?).map_err(failed)?;
        let _best_effort = fs::remove_dir_all(&scratch);
        Ok(by)
    }
}

impl Drop for Trials {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.dir);
    }
}

/// Reads what the tests say until one fails, and ends them then.
fn first_red(mut child: Child) -> std::io::Result<Option<String>> {
    let output = child.stdout.take().map(BufReader::new);
    let (told, hears) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            let failed = line.strip_suffix(" ... FAILED");
            if failed.is_none() && !line.ends_with(" ... ok") {
                continue;
            }
            let name = failed.map(|name| name.trim_start_matches("test ").to_owned());
            if told.send(name).is_err() {
                break;
            }
        }
    });
    let by = loop {
        match hears.recv_timeout(PATIENCE) {
            Ok(None) => {}
            Ok(Some(name)) => {
                end(&mut child)?;
                break Some(name);
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child)?;
                break Some(HANG.to_owned());
            }
            Err(RecvTimeoutError::Disconnected) => {
                let passed = child.wait()?.success();
                break (!passed).then(|| "the end of the tests' program".to_owned());
            }
        }
    };
    let _ended = reader.join();
    Ok(by)
}

/// Ends a program and whatever it has started.
fn end(child: &mut Child) -> std::io::Result<()> {
    Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status()?;
    child.wait().map(drop)
}
