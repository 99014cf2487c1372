//! Running the built command against servers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RawClient, RealServer};
use tokio::runtime::Runtime;

/// A server with a prefix and a layout of its own for one test.
pub(crate) struct Place {
    server: Server,
    pub(crate) layout: &'static str,
    pub(crate) prefix: String,
    /// Where a fake server lives; dropped after it.
    _runtime: Option<Runtime>,
}

/// A real server, or the testkit's own.
enum Server {
    Real(RealServer),
    Fake(FakeRedis),
}

/// What a command left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `test` on both layouts, on the fake and, where there is one, on a real server.
#[expect(clippy::print_stderr, reason = "a failed test says where")]
pub(crate) fn everywhere(name: &str, test: impl Fn(&Place)) {
    for layout in ["compact", "tta"] {
        eprintln!("on the fake, {layout} layout");
        test(&fake_place(layout));
        if let Some(place) = place(name, layout) {
            eprintln!("on a real server, {layout} layout");
            test(&place);
        }
    }
}

/// A fresh place on a real server, or `None` on a machine without one, said aloud.
pub(crate) fn place(name: &str, layout: &'static str) -> Option<Place> {
    let server = Server::Real(RealServer::start_or_ignore(name)?);
    Some(Place { server, layout, prefix: prefix(), _runtime: None })
}

/// A fresh place on a fake server.
pub(crate) fn fake_place(layout: &'static str) -> Place {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = runtime.block_on(FakeRedis::start()).unwrap();
    Place { server: Server::Fake(fake), layout, prefix: prefix(), _runtime: Some(runtime) }
}

fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Place {
    /// The command with this place's global options.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bare();
        command.args(["--redis", &self.url(), "--layout", self.layout]);
        command.args(["--prefix", &self.prefix]).args(args);
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    /// Runs it with `--output json` and expects success.
    pub(crate) fn json(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["--output", "json"], args].concat());
        assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{args:?}: {ran:?}");
        ran.out
    }

    /// Runs it with something on stdin.
    pub(crate) fn fed(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Beside the reading, or both sides could wait for each other.
        let feeding = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        // The command may rightly have stopped reading.
        drop(feeding.join().unwrap());
        ran(output)
    }

    /// Reserves the next message and returns its token.
    pub(crate) fn receive(&self, agent: &str) -> String {
        token(&self.json(&["receive", agent]))
    }

    /// One command of Redis itself.
    pub(crate) fn redis(&self, args: &[&str]) -> Frame {
        let port = match &self.server {
            Server::Real(server) => server.port(),
            Server::Fake(server) => server.address().port(),
        };
        RawClient::connect(port).unwrap().checked(args).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        match &self.server {
            Server::Real(server) => server.url(),
            Server::Fake(server) => server.url(),
        }
    }
}

/// The built command without any setting of the environment.
pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coord"));
    command.env_remove("COORD_REDIS_URL").env_remove("COORD_LAYOUT").env_remove("NO_COLOR");
    command.stdin(Stdio::null());
    command
}

/// Runs it without a server.
pub(crate) fn run(args: &[&str]) -> Ran {
    ran(bare().args(args).output().unwrap())
}

pub(crate) fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The token in the JSON line of a receive.
pub(crate) fn token(line: &str) -> String {
    let start = line.find(r#""token":""#).unwrap_or_else(|| panic!("no token in {line}")) + 9;
    line[start..start + 20].to_owned()
}

/// `text` with every token, time and generated id replaced, so that it can be compared.
pub(crate) fn stable(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_token = |rest: &str| {
            rest.strip_prefix("res_")
                .and_then(|it| it.get(..16))
                .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let (length, name) = if is_token(rest) {
            (20, "TOKEN")
        } else if is_time(rest) {
            (time_length(rest), "TIME")
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.push_str(name);
        rest = &rest[length..];
    }
    out
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 25 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T'
}

fn time_length(text: &str) -> usize {
    text.find("+00:00").unwrap() + 6
}

/// A command that was started and is watched.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: BufReader<std::process::ChildStdout>,
    pub(crate) err: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads stderr until a line contains `text`.
    pub(crate) fn await_note(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.err.read_line(&mut line).unwrap() > 0, "it ended without saying {text}");
        }
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended");
        line
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    /// What is left to read, and the exit status.
    pub(crate) fn end(mut self) -> Ran {
        drop(self.child.stdin.take());
        let (mut out, mut err) = (String::new(), String::new());
        std::io::Read::read_to_string(&mut self.out, &mut out).unwrap();
        std::io::Read::read_to_string(&mut self.err, &mut err).unwrap();
        Ran { status: self.child.wait().unwrap().code(), out, err }
    }
}
