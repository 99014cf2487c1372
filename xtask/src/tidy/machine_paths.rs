//! No absolute path of the machine that something was written on.

use super::finding::Finding;
use super::tree::Tree;

/// Beginnings of such paths, written apart so that this file holds none of them.
const ROOTS: [&str; 5] = [
    concat!("/", "work/"),
    concat!("/", "farm/"),
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "Users/"),
];

const WHY: &str = "it is there on one machine only, and tells about its owner";

/// Every line that holds such a path, in any text file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            for root in ROOTS.iter().filter(|root| holds(line, root)) {
                findings.push(
                    Finding::new(
                        file.path.as_str(),
                        format!("holds a path below `{root}`"),
                        WHY,
                        "take a path relative to the workspace, or a temporary directory",
                    )
                    .at(number),
                );
            }
        }
    }
    findings
}

/// True where the path starts there, rather than going on from another name or a variable.
fn holds(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-~})>/".contains(c))
    })
}
