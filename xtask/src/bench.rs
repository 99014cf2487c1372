//! `cargo xtask bench`: the benchmarks, and the peers of the resilience crate beside it.

use crate::failure::Failure;
use crate::metadata::{self, Package};
use crate::{say, shell};

/// The package outside the workspace that runs the peers' crates on the same probes.
const PEERS: (&str, &str) = ("peers-resilience", "benches/peers-resilience/Cargo.toml");

/// Runs all benchmarks of the workspace, those of one name, or the peers.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (name, rest) = match args.split_first() {
        None => (None, args),
        Some((name, _)) if name.starts_with('-') => (None, args),
        Some((name, rest)) => (Some(name.as_str()), rest),
    };
    if name == Some(PEERS.0) {
        let mut command = shell::cargo();
        command.args(["run", "--release", "--manifest-path", PEERS.1]).arg("--").args(rest);
        return shell::run(&mut command, "it ends with an error if ours fails a probe; see above");
    }
    let packages = metadata::packages()?;
    let chosen = choose(&packages, name);
    if chosen.is_empty() {
        let known = choose(&packages, None).join(", ");
        let what = format!("there is no benchmark `{}`", name.unwrap_or_default());
        return Err(Failure::new(what, format!("choose one of {known}, {}", PEERS.0)));
    }
    for name in chosen {
        say::line(&format!("bench {name}"));
        let mut command = shell::cargo();
        command.args(["bench", "--workspace", "--bench", &name, "--"]).args(rest);
        shell::run(&mut command, "run it alone for its output: cargo xtask bench NAME")?;
    }
    Ok(())
}

/// The benchmarks of this name, or all of them.
fn choose(packages: &[Package], name: Option<&str>) -> Vec<String> {
    let all = packages.iter().flat_map(|package| &package.benches);
    all.filter(|bench| name.is_none_or(|name| name == *bench)).cloned().collect()
}
