//! The oldest Rust that `rust-version` promises, if that toolchain can be had.

use crate::ci::Verdict;
use crate::failure::Failure;
use crate::{metadata, shell};

/// The variable that lets this step install a toolchain.
const INSTALL: &str = "COORD_INSTALL_TOOLCHAIN";

/// Checks the workspace with that toolchain; installs it only where [`INSTALL`] is set.
pub(crate) fn run() -> Result<Verdict, Failure> {
    let packages = metadata::packages()?;
    let Some(version) = packages.first().map(|package| package.rust_version.clone()) else {
        return Ok(Verdict::NotRun("the workspace has no packages".to_owned()));
    };
    let install = format!("rustup toolchain install {version} --profile minimal");
    if shell::which("rustup").is_none() {
        return Ok(Verdict::NotRun(format!("rustup is not here to provide Rust {version}")));
    }
    if !installed(&version) {
        if !shell::flag(INSTALL) {
            return Ok(Verdict::NotRun(format!("Rust {version} is not installed ({install})")));
        }
        let mut command = shell::program("rustup");
        command.args(["toolchain", "install", &version, "--profile", "minimal"]);
        shell::run(&mut command, &install)?;
    }
    let mut command = shell::program("rustup");
    command
        .args(["run", &version, "cargo", "check", "--workspace", "--all-targets", "--all-features"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    let advice = "use what that Rust has, or raise `rust-version` with a line in CHANGELOG.md";
    shell::run(&mut command, advice)?;
    Ok(Verdict::Passed)
}

fn installed(version: &str) -> bool {
    shell::output(shell::program("rustup").args(["toolchain", "list"])).is_some_and(|list| {
        list.lines().any(|line| {
            line.strip_prefix(version)
                .is_some_and(|rest| rest.starts_with('-') || rest.starts_with('.'))
        })
    })
}
