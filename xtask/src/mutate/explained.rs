//! Broken statements that no test can notice, each with its reason: `explained.txt` beside this.

use crate::failure::Failure;

const LIST: &str = include_str!("explained.txt");
const PLACE: &str = "xtask/src/mutate/explained.txt";

/// A statement that may go unnoticed.
pub(super) struct Explained {
    /// The script below `src/scripts`.
    pub(super) script: &'static str,
    /// The statement on one line.
    pub(super) text: &'static str,
}

/// The list: `script: statement` on a line, its reason indented on the next ones.
pub(super) fn explained() -> Result<Vec<Explained>, Failure> {
    parse(LIST)
}

fn parse(list: &'static str) -> Result<Vec<Explained>, Failure> {
    let wrong = |line: &str, what: &str| Failure::new(format!("`{line}` {what}"), PLACE);
    let mut found = Vec::new();
    let mut lines = list.lines().filter(|line| !line.starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let (script, text) =
            line.split_once(": ").ok_or_else(|| wrong(line, "names no script and statement"))?;
        let mut reason = 0;
        while lines.next_if(|next| next.starts_with("  ")).is_some() {
            reason += 1;
        }
        if reason == 0 {
            return Err(wrong(line, "has no reason"));
        }
        found.push(Explained { script, text });
    }
    Ok(found)
}
