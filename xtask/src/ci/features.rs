//! Each crate alone, bare and with each single feature: what feature unification hides.

use crate::ci::{Verdict, has_component};
use crate::failure::Failure;
use crate::metadata::{self, Package};
use crate::{say, shell};

/// Lints every crate by itself, with no features and with each one on its own.
pub(crate) fn run() -> Result<Verdict, Failure> {
    // Clippy shares what it checked of the dependencies with the step before; where it is not
    // installed, the compiler alone still shows what does not build.
    let (tool, strict): (_, &[&str]) = if has_component("clippy", "clippy") {
        ("clippy", &["--", "-D", "warnings"])
    } else {
        ("check", &[])
    };
    let packages = metadata::packages()?;
    for package in packages.iter().filter(|package| package.name != "xtask") {
        for args in combinations(package) {
            say::line(&format!("  {}", args.join(" ")));
            let mut command = shell::cargo();
            command.args([tool, "--quiet"]).args(&args).args(strict);
            let advice = format!("cargo {tool} {} {}", args.join(" "), strict.join(" "));
            shell::run(&mut command, &advice)?;
        }
    }
    Ok(Verdict::Passed)
}

/// The arguments of each run: bare, then one per feature, then the default set if there is one.
pub(super) fn combinations(package: &Package) -> Vec<Vec<String>> {
    let words = |rest: &[&str]| -> Vec<String> {
        ["-p", package.name.as_str()].iter().chain(rest).map(|&word| word.to_owned()).collect()
    };
    let mut all = vec![words(&["--no-default-features"])];
    for feature in &package.features {
        if feature == "default" {
            all.push(words(&[]));
        } else {
            all.push(words(&["--no-default-features", "--features", feature]));
        }
    }
    all
}
