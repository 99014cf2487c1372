//! What the rules look at: the text files of the workspace and its packages.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::metadata::Package;

/// The workspace, read once.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<SourceFile>,
    pub(crate) packages: Vec<Package>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Directories that hold nothing of ours to read.
const SKIPPED: [&str; 5] = ["target", "wt", "node_modules", "proptest-regressions", "__pycache__"];

/// Hidden directories that are part of the project.
const HIDDEN_BUT_OURS: [&str; 3] = [".ci", ".github", ".cargo"];

impl Tree {
    /// Reads every text file below the root.
    pub(crate) fn read(root: &Path, packages: Vec<Package>) -> Result<Self, Failure> {
        let mut files = Vec::new();
        walk(root, "", &mut files).map_err(|error| {
            Failure::new(
                format!("could not read the workspace: {error}"),
                "look at the rights of its files",
            )
        })?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files, packages })
    }

    /// The file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files with this extension (without the dot).
    pub(crate) fn with_extension(&self, extension: &str) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(move |file| file.extension() == extension)
    }
}

impl SourceFile {
    /// What follows the last dot of the file's name, or nothing.
    pub(crate) fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|text| text.to_str()).unwrap_or_default()
    }

    /// The file's name without its extension.
    pub(crate) fn stem(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|text| text.to_str()).unwrap_or_default()
    }

    /// True for tests: below a directory `tests`, or a file `tests.rs`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs"))
    }

    /// The lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name.as_str());
            if !hidden && !SKIPPED.contains(&name.as_str()) {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file()
            // In a linked worktree `.git` is a file.
            && name != ".git"
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(SourceFile { path, text });
        }
    }
    Ok(())
}
