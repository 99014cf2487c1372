//! Writing: answers to stdout, failures to stderr, each in its one form.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::answer::{Answer, Human};
use crate::cli::Format;
use crate::failure::{Failure, Kind};
use crate::table::printable;

/// Writes an answer to stdout.
pub(crate) fn write(answer: &Answer, format: Format) -> io::Result<()> {
    let text = match format {
        Format::Json => answer.json.join("\n"),
        Format::Human => match &answer.human {
            Human::Text(text) => text.clone(),
            Human::Table(table) => table.render(colours(io::stdout().is_terminal())),
        },
    };
    if text.is_empty() {
        return Ok(());
    }
    write_text(&text)
}

/// Writes lines of text to stdout and ends the last one.
pub(crate) fn write_text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

/// One line on stderr. A terminal that is gone cannot be told anything.
pub(crate) fn note(text: &str) {
    let _nobody_to_tell = writeln!(io::stderr(), "coord: {}", one_safe_line(text));
}

/// Reports a failure and gives the exit status.
pub(crate) fn failed(failure: &Failure, verbose: bool) -> ExitCode {
    if failure.kind != Kind::Closed {
        let line = one_safe_line(&failure.message);
        let text = match colours(io::stderr().is_terminal()) {
            true => format!("\u{1b}[31mcoord:\u{1b}[0m {line}"),
            false => format!("coord: {line}"),
        };
        let _nobody_to_tell = writeln!(io::stderr(), "{text}");
        for cause in failure.causes.iter().filter(|_| verbose) {
            note(&format!("caused by: {cause}"));
        }
    }
    ExitCode::from(failure.kind.status())
}

/// What to say when the command line did not lead to a command.
pub(crate) fn parsing_ended(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match write_text(&error.render().to_string()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&Failure::io("writing the help", &error), false),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let help = error.render().to_string();
            let usage = help.lines().find_map(|line| line.strip_prefix("Usage: "));
            let what = format!("a command is missing: {}; see --help", usage.unwrap_or("coord"));
            failed(&Failure::usage(what), false)
        }
        _ => failed(&Failure::usage(usage_line(&error.render().to_string())), false),
    }
}

/// The parser's paragraphs in one line, without its usage block.
fn usage_line(rendered: &str) -> String {
    let text = rendered.trim_start_matches("error: ");
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more"))
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    format!("{}; see --help", paragraphs.join("; "))
}

/// `text` on one line, without control characters and without passwords.
pub(crate) fn one_safe_line(text: &str) -> String {
    let joined = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    without_passwords(&printable(&joined))
}

/// `text` with the user part of every URL blotted out.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("//") {
        let (head, tail) = rest.split_at(at + 2);
        out.push_str(head);
        let end = tail.find([' ', '"', '\'', '`']).unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(sign) => {
                out.push_str("***");
                rest = &tail[sign..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

/// Whether to use colours: on terminals that know them, unless the user has NO_COLOR set.
fn colours(is_terminal: bool) -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    is_terminal && !is_dumb && std::env::var_os("NO_COLOR").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_show() {
        for (text, safe) in [
            ("no 'redis://:se@cret@h:1' here", "no 'redis://***@h:1' here"),
            ("rediss://u:p@h and redis://x@y", "rediss://***@h and redis://***@y"),
            ("\"//u:p@h\"", "\"//***@h\""),
            ("redis://h:1/0 is fine, a@b too", "redis://h:1/0 is fine, a@b too"),
        ] {
            assert_eq!(without_passwords(text), safe);
        }
    }

    #[test]
    fn a_usage_error_is_one_line() {
        let rendered = "error: unexpected argument '--form' found\n\n  tip: a similar argument \
                        exists: '--from'\n\nUsage: coord send [OPTIONS]\n\nFor more information, \
                        try '--help'.\n";
        assert_eq!(
            usage_line(rendered),
            "unexpected argument '--form' found; tip: a similar argument exists: '--from'; see --help"
        );
    }
}
