//! ARCHITECTURE.md stays short, and every file or crate that it names exists.

use super::finding::Finding;
use super::tree::Tree;

const FILE: &str = "ARCHITECTURE.md";
const LINES: usize = 200;

const WHY_SHORT: &str = "it is read before everything else, so it has to stay a bird's view";
const WHY_TRUE: &str = "a map that names what is not there leads nowhere";

/// Extensions by which a word in backticks is taken for a file.
const EXTENSIONS: [&str; 9] = ["rs", "lua", "md", "toml", "py", "sh", "yml", "json", "jsonl"];

/// Names in backticks that do not exist, and a file that is missing or too long.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(FILE) else {
        return vec![Finding::new(FILE, "is missing", WHY_SHORT, "write the map of the workspace")];
    };
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINES {
        let what = format!("{lines} lines, the cap is {LINES}");
        findings.push(Finding::new(FILE, what, WHY_SHORT, "move details to docs/"));
    }
    let mut fenced = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2).filter(|_| !fenced);
        for name in quoted.flat_map(expand).filter(|name| !exists(tree, name)) {
            findings.push(
                Finding::new(
                    FILE,
                    format!("names `{name}`, which does not exist"),
                    WHY_TRUE,
                    "write the name that it has now, or drop it",
                )
                .at(number),
            );
        }
    }
    findings
}

/// True where the word is no name of a file or crate, or is one that exists.
fn exists(tree: &Tree, word: &str) -> bool {
    if is_crate(word) {
        return tree.packages.iter().any(|package| package.name == word);
    }
    !is_path(word) || tree.files.iter().any(|file| names(word, &file.path))
}

fn is_crate(word: &str) -> bool {
    word == "xtask"
        || word.strip_prefix("coord-").is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        })
}

/// True for a word with a slash, or with an extension of ours.
fn is_path(word: &str) -> bool {
    let foreign = |c: char| c.is_whitespace() || "()=$|\"'@&?".contains(c);
    if word.contains("::")
        || word.contains("://")
        || word.contains(foreign)
        || word.starts_with('-')
    {
        return false;
    }
    if !word.chars().any(|c| c.is_ascii_lowercase()) || word.starts_with('/') {
        return false;
    }
    word.contains('/') || word.rsplit_once('.').is_some_and(|(_, end)| EXTENSIONS.contains(&end))
}

/// True where the path, or the end of it, or a directory in it, is what the word names; `*` and
/// `<verb>` stand for one part of a name.
fn names(word: &str, path: &str) -> bool {
    let wanted: Vec<&str> = word.trim_end_matches('/').split('/').collect();
    let parts: Vec<&str> = path.split('/').collect();
    parts
        .windows(wanted.len())
        .any(|window| window.iter().zip(&wanted).all(|(part, pattern)| fits(part, pattern)))
}

fn fits(part: &str, pattern: &str) -> bool {
    let hole = pattern
        .find('*')
        .map(|at| (at, at + 1))
        .or_else(|| Some((pattern.find('<')?, pattern.find('>')? + 1)));
    let Some((from, to)) = hole.filter(|(from, to)| from < to) else {
        return part == pattern;
    };
    let (head, tail) = (&pattern[..from], &pattern[to..]);
    part.len() > head.len() + tail.len() && part.starts_with(head) && part.ends_with(tail)
}

/// Writes out `a/{b,c}/d` as `a/b/d` and `a/c/d`.
fn expand(word: &str) -> Vec<String> {
    let braces = word.find('{').and_then(|from| Some((from, from + word[from..].find('}')?)));
    let Some((from, to)) = braces else {
        return vec![word.to_owned()];
    };
    word[from + 1..to]
        .split(',')
        .flat_map(|part| expand(&format!("{}{}{}", &word[..from], part.trim(), &word[to + 1..])))
        .collect()
}
