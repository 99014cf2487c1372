//! The oldest Rust that `rust-version` promises: what dependencies ask for, and a real build.

use crate::ci::Verdict;
use crate::failure::Failure;
use crate::metadata::{self, Package};
use crate::{say, shell};

/// The variable that lets this step install a toolchain.
const INSTALL: &str = "COORD_INSTALL_TOOLCHAIN";

/// Compares the dependencies' own promises with ours, then checks the workspace with that
/// toolchain; installs it only where [`INSTALL`] is set.
pub(crate) fn run() -> Result<Verdict, Failure> {
    let packages = metadata::packages()?;
    let Some(version) = packages.first().map(|package| package.rust_version.clone()) else {
        return Ok(Verdict::NotRun("the workspace has no packages".to_owned()));
    };
    let newer = newer_than(&version, &metadata::with_dependencies()?);
    if !newer.is_empty() {
        return Err(Failure::new(
            format!("these dependencies ask for more than Rust {version}: {}", newer.join(", ")),
            "take an older version of them, or raise `rust-version` with a line in CHANGELOG.md",
        ));
    }
    say::line(&format!("no dependency asks for more than Rust {version}"));

    let install = format!("rustup toolchain install {version} --profile minimal");
    if shell::which("rustup").is_none() {
        return Ok(Verdict::NotRun(format!("no rustup here to build with Rust {version}")));
    }
    if !installed(&version) {
        if !shell::flag(INSTALL) {
            return Ok(Verdict::NotRun(format!(
                "no Rust {version} here to build with ({install})"
            )));
        }
        let mut command = shell::program("rustup");
        command.args(["toolchain", "install", &version, "--profile", "minimal"]);
        shell::run(&mut command, &install)?;
    }
    let mut command = shell::program("rustup");
    command
        .args(["run", &version, "cargo", "check"])
        .args(["--workspace", "--all-targets", "--all-features"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    let advice = "use what that Rust has, or raise `rust-version` with a line in CHANGELOG.md";
    shell::run(&mut command, advice)?;
    Ok(Verdict::Passed)
}

/// The packages that promise to build only with a newer Rust, as `name 1.95`.
pub(super) fn newer_than(version: &str, packages: &[Package]) -> Vec<String> {
    // Three parts for each, so that 1.89 and 1.89.0 are equal.
    let number = |version: &str| -> [u32; 3] {
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        [(); 3].map(|()| parts.next().unwrap_or(0))
    };
    packages
        .iter()
        .filter(|package| number(&package.rust_version) > number(version))
        .map(|package| format!("{} {}", package.name, package.rust_version))
        .collect()
}

fn installed(version: &str) -> bool {
    shell::output(shell::program("rustup").args(["toolchain", "list"])).is_some_and(|list| {
        list.lines().any(|line| {
            line.strip_prefix(version)
                .is_some_and(|rest| rest.starts_with('-') || rest.starts_with('.'))
        })
    })
}
