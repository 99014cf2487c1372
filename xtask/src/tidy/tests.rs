//! Each rule shown red on a tree that breaks it, and green on one that does not.

mod architecture;
mod changelog;
mod core_dependencies;
mod edges;
mod leftovers;
mod lua_headers;
mod machine_paths;
mod manifests;
mod module_docs;
mod sizes;
mod tree;
mod verbs;
mod versions;

use super::finding::Finding;
use super::tree::{SourceFile, Tree};
use crate::metadata::{Dependency, Kind, Package};

/// A tree of these files: (path, text).
fn files(list: &[(&str, &str)]) -> Tree {
    let files = list
        .iter()
        .map(|&(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() })
        .collect();
    Tree { files, packages: Vec::new() }
}

/// A package with these dependencies: (name, kind, optional).
fn package(name: &str, dependencies: &[(&str, Kind, bool)]) -> Package {
    Package {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        rust_version: "1.89".to_owned(),
        manifest: format!("crates/{name}/Cargo.toml"),
        dependencies: dependencies
            .iter()
            .map(|&(name, kind, optional)| Dependency { name: name.to_owned(), kind, optional })
            .collect(),
        ..Package::default()
    }
}

/// A tree with these packages and no files.
fn packages(packages: Vec<Package>) -> Tree {
    Tree { files: Vec::new(), packages }
}

/// The places of the findings, as `file` or `file:line`.
fn places(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| match finding.line {
            Some(line) => format!("{}:{line}", finding.file),
            None => finding.file.clone(),
        })
        .collect()
}

#[test]
fn a_finding_says_where_what_why_and_what_to_do() {
    let finding = Finding::new("a.rs", "is wrong", "it matters", "mend it").at(3);
    assert_eq!(finding.to_string(), "a.rs:3: is wrong\n    why: it matters\n    do:  mend it");
}

#[test]
fn tests_are_known_by_their_place() {
    let tree = files(&[
        ("crates/x/tests/it/a.rs", ""),
        ("crates/x/src/a/tests.rs", ""),
        ("src/attests.rs", ""),
    ]);
    let tests: Vec<bool> = tree.files.iter().map(SourceFile::is_test).collect();
    assert_eq!(tests, [true, true, false]);
}
