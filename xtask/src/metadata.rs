//! What `cargo metadata` says about the workspace's packages, and those they depend on.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::shell;

/// One package, of the workspace or from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: String,
    /// The manifest, relative to the root, with `/` between the parts.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Vec<String>,
    pub(crate) examples: Vec<String>,
    pub(crate) benches: Vec<String>,
}

/// One line of a package's dependencies.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

/// Which of the three dependency tables a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

impl Kind {
    /// The table's name in a manifest.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Normal => "[dependencies]",
            Self::Dev => "[dev-dependencies]",
            Self::Build => "[build-dependencies]",
        }
    }
}

/// Asks cargo for the packages of the workspace.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    ask(&["--no-deps"])
}

/// Asks cargo for the packages of the workspace and all that they depend on, on any platform.
pub(crate) fn with_dependencies() -> Result<Vec<Package>, Failure> {
    ask(&["--all-features"])
}

fn ask(args: &[&str]) -> Result<Vec<Package>, Failure> {
    let advice = "run `cargo metadata` and read what it says";
    let mut command = shell::cargo();
    let text = shell::output(command.args(["metadata", "--format-version", "1"]).args(args))
        .ok_or_else(|| Failure::new("cargo could not describe the workspace", advice))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!("cargo's description is no JSON: {error}"), advice)
    })?;
    Ok(parse(&value))
}

fn parse(value: &Value) -> Vec<Package> {
    let root = text(&value["workspace_root"]);
    list(&value["packages"]).map(|package| parse_package(package, &root)).collect()
}

fn parse_package(package: &Value, root: &str) -> Package {
    let manifest = text(&package["manifest_path"]);
    let manifest = Path::new(&manifest).strip_prefix(root).unwrap_or(Path::new(&manifest));
    Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        rust_version: text(&package["rust_version"]),
        manifest: manifest.to_string_lossy().replace('\\', "/"),
        dependencies: list(&package["dependencies"]).map(parse_dependency).collect(),
        features: package["features"]
            .as_object()
            .into_iter()
            .flat_map(|features| features.keys().cloned())
            .collect(),
        examples: targets(package, "example"),
        benches: targets(package, "bench"),
    }
}

/// The names of a package's targets of one kind.
fn targets(package: &Value, wanted: &str) -> Vec<String> {
    list(&package["targets"])
        .filter(|target| list(&target["kind"]).any(|kind| kind == wanted))
        .map(|target| text(&target["name"]))
        .collect()
}

fn parse_dependency(dependency: &Value) -> Dependency {
    Dependency {
        name: text(&dependency["name"]),
        kind: match dependency["kind"].as_str() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        },
        optional: dependency["optional"].as_bool().unwrap_or(false),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
