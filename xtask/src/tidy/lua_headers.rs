//! Every Lua script opens with its contract.

use super::finding::Finding;
use super::tree::{SourceFile, Tree};

/// What the header of a script names, in this order.
const PARTS: [&str; 5] = ["Purpose", "KEYS", "ARGV", "Returns", "Errors"];

const WHY: &str =
    "a script is called from another language: its header is the only signature it has";

/// Every script whose leading comment lacks a part; shared helpers need only a comment.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("lua")
        .filter(|file| !file.is_test())
        .filter_map(|file| {
            let header = header(file);
            let helper = file.path.contains("/lib/");
            let wanted: &[&str] = if helper { &[] } else { &PARTS };
            let lacking: Vec<&str> =
                wanted.iter().filter(|part| !names(&header, part)).copied().collect();
            if header.is_empty() {
                return Some(finding(file, "does not open with a comment".to_owned()));
            }
            (!lacking.is_empty())
                .then(|| finding(file, format!("its header lacks {}", lacking.join(", "))))
        })
        .collect()
}

fn finding(file: &SourceFile, what: String) -> Finding {
    let advice = format!("open the file with a comment that names {}", PARTS.join(", "));
    Finding::new(file.path.as_str(), what, WHY, advice)
}

/// The text of the comment lines at the top of the file.
fn header(file: &SourceFile) -> Vec<&str> {
    file.text
        .lines()
        .map(str::trim)
        .take_while(|line| line.starts_with("--"))
        .map(|line| line.trim_start_matches('-').trim_start())
        .collect()
}

/// True where a line of the header starts with the part's name.
fn names(header: &[&str], part: &str) -> bool {
    header.iter().any(|line| {
        line.strip_prefix(part)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}
