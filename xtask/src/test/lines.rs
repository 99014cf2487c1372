//! Runs a program and hands on its standard output, line by line.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::say;

/// How often to look whether the program has ended while it prints nothing.
const GLANCE: Duration = Duration::from_millis(100);

/// How long the output may stay open, in silence, after the program has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Runs to the end of the program and of its output.
///
/// A process that a test left behind may hold the output open for ever: it is not waited for
/// longer than [`GRACE`], and said aloud.
pub(super) fn run(command: &mut Command, mut take: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    thread::spawn(move || {
        let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n'));
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut ended = None;
    loop {
        match receiver.recv_timeout(if ended.is_some() { GRACE } else { GLANCE }) {
            Ok(line) => take(&String::from_utf8_lossy(&line)),
            Err(RecvTimeoutError::Disconnected) => return ended.map_or_else(|| child.wait(), Ok),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = ended {
                    say::loud("a process that a test left behind still holds the output open");
                    return Ok(status);
                }
                ended = child.try_wait()?;
            }
        }
    }
}
