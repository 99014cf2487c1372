//! The Python programs of `tests/python`: started, asked line by line, and ended.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::At;

/// A running program; it ends with this.
pub(crate) struct Python {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// `None`, said aloud, on a machine without Python.
    #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
    pub(crate) fn start(program: &str, at: &At, prefix: &str, name: &str) -> Option<Self> {
        let program = format!("{}/tests/python/{program}.py", env!("CARGO_MANIFEST_DIR"));
        let started = Command::new("python3")
            // No compiled files beside the sources.
            .args(["-B", &program, &at.port.to_string(), prefix])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let required = std::env::var("COORD_REQUIRE_REAL").is_ok_and(|it| it == "1");
                assert!(!required, "COORD_REQUIRE_REAL=1 but no python3 ({name})");
                eprintln!("ignored: no python3 ({name})");
                return None;
            }
            Err(error) => panic!("python3 does not start: {error}"),
        };
        let requests = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Some(Self { child, requests, answers })
    }

    /// One request, one answer.
    pub(crate) fn call(&mut self, verb: &str, mut request: Value) -> Value {
        request["do"] = verb.into();
        writeln!(self.requests, "{request}").expect("Python listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("Python answers");
        let mut answer: Value = serde_json::from_str(&line).expect("Python answers JSON");
        assert!(answer.get("error").is_none(), "{verb}: {answer}");
        answer["ok"].take()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The agent whose mailbox the worlds of tests have, as messages name it.
pub(crate) fn writer() -> Value {
    json!({"type": "writer", "instance": "w1"})
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
