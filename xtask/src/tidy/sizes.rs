//! How long a source file may be.

use super::finding::Finding;
use super::tree::{SourceFile, Tree};

/// Most lines of a Rust file, tests not counted.
const RUST: usize = 500;
/// Most lines of a Lua script.
const LUA: usize = 150;

const WHY: &str =
    "a file is read whole, by people and by agents; a long one hides what it is about";

/// Every source file over its cap.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let rust = tree.with_extension("rs").map(|file| (file, RUST));
    let lua = tree.with_extension("lua").map(|file| (file, LUA));
    rust.chain(lua)
        .filter(|(file, _)| !file.is_test())
        .map(|(file, cap)| (file, cap, lines_without_tests(file)))
        .filter(|&(_, cap, lines)| lines > cap)
        .map(|(file, cap, lines)| {
            Finding::new(
                file.path.as_str(),
                format!("{lines} lines, the cap is {cap}"),
                WHY,
                "split it by what its parts are about; tests go to a file of their own",
            )
        })
        .collect()
}

/// Counts up to an inline test module at the end of the file.
fn lines_without_tests(file: &SourceFile) -> usize {
    let lines: Vec<&str> = file.text.lines().collect();
    lines
        .windows(2)
        .position(|pair| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].starts_with("mod ")
                && pair[1].ends_with('{')
        })
        .unwrap_or(lines.len())
}
