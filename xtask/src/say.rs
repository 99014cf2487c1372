//! All that xtask prints: plain lines, with colours on terminals only.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on its standard streams, and here only"
)]

use std::env;
use std::io::{IsTerminal, stderr, stdout};
use std::time::Duration;

use crate::failure::Failure;

/// A line on standard output.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// The title of a step, set off by an empty line.
pub(crate) fn title(text: &str) {
    println!("\n{}", paint(text, "1", stdout().is_terminal()));
}

/// Something that went well.
pub(crate) fn good(text: &str) {
    println!("{}", paint(text, "32", stdout().is_terminal()));
}

/// Something that did not run or deserves a look, without being a failure.
pub(crate) fn loud(text: &str) {
    println!("{}", paint(text, "33", stdout().is_terminal()));
}

/// The end of a task that failed, with what to try.
pub(crate) fn failure(failure: &Failure) {
    let colour = stderr().is_terminal();
    eprintln!("\n{} {}", paint("failed:", "1;31", colour), failure.what);
    eprintln!("{} {}", paint("try:", "1", colour), failure.advice);
}

/// A duration as a person reads it: `0.4 s`, `2 m 05 s`.
pub(crate) fn duration(spent: Duration) -> String {
    let seconds = spent.as_secs();
    if seconds < 60 {
        format!("{:.1} s", spent.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

/// A count with its noun: `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn paint(text: &str, code: &str, on_terminal: bool) -> String {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if on_terminal && !refused { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
