//! `cargo xtask tidy`: rules that the compiler cannot check, each in a file of its own.

mod architecture;
mod changelog;
mod core_dependencies;
mod edges;
mod finding;
mod leftovers;
mod lua_headers;
mod machine_paths;
mod manifests;
mod module_docs;
mod sizes;
mod tree;
mod verbs;
mod versions;

use crate::failure::Failure;
use crate::{metadata, say, shell};
use finding::Finding;
use tree::Tree;

/// A rule: what it demands, and the function that finds where it is broken.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: [Rule; 12] = [
    ("crates depend on each other only as the table says", edges::check),
    ("coord-core depends on little", core_dependencies::check),
    ("manifests inherit what the workspace decides", manifests::check),
    ("source files stay small", sizes::check),
    ("ARCHITECTURE.md names what exists", architecture::check),
    ("CHANGELOG.md has a heading for this version", changelog::check),
    ("modules say what they are for", module_docs::check),
    ("nothing is left to do later", leftovers::check),
    ("versions in prose are those of Cargo.toml", versions::check),
    ("no path of anyone's machine", machine_paths::check),
    ("a verb has the same file name in every layer", verbs::check),
    ("Lua scripts open with their contract", lua_headers::check),
];

/// Checks the workspace and prints every finding.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if let Some(arg) = args.first() {
        return Err(Failure::new(
            format!("tidy takes no arguments, got `{arg}`"),
            "cargo xtask tidy",
        ));
    }
    let tree = Tree::read(&shell::root(), metadata::packages()?)?;
    let mut found = 0;
    for (rule, check) in RULES {
        let findings = check(&tree);
        if !findings.is_empty() {
            say::title(rule);
        }
        for finding in &findings {
            say::line(&finding.to_string());
        }
        found += findings.len();
    }
    let files = say::count(tree.files.len(), "file");
    if found == 0 {
        say::good(&format!("tidy: {} rules hold in {files}", RULES.len()));
        return Ok(());
    }
    Err(Failure::new(
        format!("tidy has {} in {files}", say::count(found, "finding")),
        "each finding above says what to do",
    ))
}

#[cfg(test)]
mod tests;
