//! Work put off: markers, stubs and tests that are switched off.

use super::finding::Finding;
use super::tree::Tree;

/// The marks, written apart so that this file holds none of them.
const MARKS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

const WHY: &str =
    "main holds finished work: a stub looks like a promise, a switched-off test like a proof";

/// Every mark in a Rust, Lua, Python or shell file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let code = |extension: &str| matches!(extension, "rs" | "lua" | "py" | "sh");
    for file in tree.files.iter().filter(|file| code(file.extension())) {
        for (number, line) in file.lines() {
            for mark in MARKS.iter().filter(|mark| holds(line, mark)) {
                findings.push(
                    Finding::new(
                        file.path.as_str(),
                        format!("holds `{mark}`"),
                        WHY,
                        "do it now, or open an issue and take the mark out",
                    )
                    .at(number),
                );
            }
        }
    }
    findings
}

/// True where the mark stands in the line as a word of its own.
fn holds(line: &str, mark: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(mark).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + mark.len()..].chars().next();
        let whole = !mark.ends_with(word) || !after.is_some_and(word);
        whole && (!mark.starts_with(word) || !before.is_some_and(word))
    })
}
