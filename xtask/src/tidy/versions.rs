//! A version that prose repeats is the one that Cargo.toml says.

use super::finding::Finding;
use super::tree::{SourceFile, Tree};

/// Words after which a number `1.x` is taken for the oldest Rust we promise.
const RUST_WORDS: [&str; 5] = ["msrv", "rust-version", "rustc", "rust", "toolchain"];

const WHY: &str = "a number typed twice is wrong in one place after the next change";

/// Every README and other text for newcomers that names another version than Cargo.toml.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(rust) = tree.packages.first().map(|package| package.rust_version.as_str()) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_prose(file)) {
        for (number, line) in file.lines() {
            let mut compare = |name: &str, said: &str, actual: &str| {
                if !agrees(said, actual) {
                    let what = format!("says {name} {said}, Cargo.toml says {actual}");
                    let advice = "take the number of Cargo.toml";
                    findings.push(Finding::new(file.path.as_str(), what, WHY, advice).at(number));
                }
            };
            for said in rust_versions(line) {
                compare("Rust", &said, rust);
            }
            if let Some((name, said)) = crate_version(line)
                && let Some(package) = tree.packages.iter().find(|package| package.name == name)
            {
                compare(&name, &said, &package.version);
            }
        }
    }
    findings
}

fn is_prose(file: &SourceFile) -> bool {
    matches!(file.stem(), "README" | "CONTRIBUTING" | "ARCHITECTURE") && file.extension() == "md"
}

/// True where the shorter of the two is the beginning of the other, part by part.
fn agrees(said: &str, actual: &str) -> bool {
    said.split('.').zip(actual.split('.')).all(|(a, b)| a == b)
}

/// The numbers `1.x` or `1.x.y` right after a word for Rust's version.
fn rust_versions(line: &str) -> Vec<String> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in lower.match_indices("1.") {
        let starts = !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        let before = lower[..at].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let gap = at - before.len();
        let named = RUST_WORDS.iter().any(|word| {
            before
                .strip_suffix(word)
                .is_some_and(|rest| !rest.ends_with(|c: char| c.is_ascii_alphanumeric()))
        });
        let number: String =
            lower[at..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let number = number.trim_end_matches('.');
        if starts && named && (1..=6).contains(&gap) && number.len() > 2 {
            found.push(number.to_owned());
        }
    }
    found
}

/// The version in a line such as `coord-core = "0.1"` or `coord-core = { version = "0.1" }`.
fn crate_version(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let name = name.trim();
    if !name.starts_with("coord-") {
        return None;
    }
    let value = value.trim();
    let quoted = match value.strip_prefix('{') {
        Some(table) => table.split_once("version")?.1.trim_start().strip_prefix('=')?.trim_start(),
        None => value,
    };
    let version = quoted.strip_prefix('"')?.split('"').next()?;
    Some((name.to_owned(), version.trim_start_matches(['=', '^', '~', ' ']).to_owned()))
}
