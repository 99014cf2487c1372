use crate::shell;
use crate::tidy::tree::Tree;

#[test]
fn the_workspace_is_read_without_what_is_not_ours() {
    let tree = Tree::read(&shell::root(), Vec::new()).expect("the workspace can be read");
    for path in ["Cargo.toml", "xtask/src/main.rs", ".ci/run", ".github/workflows/ci.yml"] {
        assert!(tree.file(path).is_some(), "{path}");
    }
    for prefix in ["target/", ".git/", ".git"] {
        let stray = tree.files.iter().find(|file| match prefix {
            ".git" => file.path == prefix,
            _ => file.path.starts_with(prefix),
        });
        assert!(stray.is_none(), "{prefix}");
    }
    assert!(tree.files.is_sorted_by(|a, b| a.path < b.path));
}
