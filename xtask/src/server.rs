//! The Redis server that the tests start for themselves: found, or installed where allowed.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Failure;
use crate::{say, shell};

/// The variable that names the server's binary, read here and by the tests.
pub(crate) const SERVER_BIN: &str = "COORD_TEST_SERVER_BIN";

/// The oldest server that the scripts run on, as (major, minor).
const OLDEST: (u32, u32) = (6, 2);

/// The binaries that will do, in the order they are looked for.
const BINARIES: [&str; 2] = ["redis-server", "valkey-server"];

/// The longest that one command of a package manager may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// A server binary that answered when asked for its version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// A server from the environment, from PATH, or newly installed; nothing where none can be had.
///
/// A server that the environment names but that cannot be used is a failure, not a reason to
/// quietly take another.
pub(crate) fn provide() -> Result<Option<Server>, Failure> {
    if let Some(path) = env::var_os(SERVER_BIN).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return match usable(&path) {
            Ok(server) => Ok(Some(server)),
            Err(reason) => Err(Failure::new(
                format!("{SERVER_BIN} names {}, which {reason}", path.display()),
                format!("point {SERVER_BIN} at a redis-server or valkey-server, or unset it"),
            )),
        };
    }
    if let Some(server) = on_path() {
        return Ok(Some(server));
    }
    if shell::flag("COORD_NO_INSTALL") {
        say::loud("no redis-server on PATH, and COORD_NO_INSTALL forbids installing one");
        return Ok(None);
    }
    Ok(install())
}

fn on_path() -> Option<Server> {
    BINARIES.iter().find_map(|name| {
        let path = shell::which(name)?;
        usable(&path)
            .map_err(|reason| say::loud(&format!("not used: {} {reason}", path.display())))
            .ok()
    })
}

/// The server at this path, or why it cannot be used.
fn usable(path: &Path) -> Result<Server, String> {
    let mut command = shell::program(&path.to_string_lossy());
    let said = shell::output(command.arg("--version")).ok_or("does not answer `--version`")?;
    let version = version(&said).ok_or_else(|| {
        format!("gives no version in `{}`", said.lines().next().unwrap_or_default())
    })?;
    if number(&version) < OLDEST {
        return Err(format!("is version {version}, older than {}.{}", OLDEST.0, OLDEST.1));
    }
    Ok(Server { path: path.to_path_buf(), version })
}

/// The version in a line such as `Redis server v=7.0.15 sha=00000000:0 ...`.
fn version(said: &str) -> Option<String> {
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some(version.to_owned())
}

fn number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// A package manager and what to tell it; every command runs without asking questions.
struct Manager {
    program: &'static str,
    needs_root: bool,
    /// Brings the lists of packages up to date, where the manager does not by itself.
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    /// Packages that hold a server, tried in order.
    packages: &'static [&'static str],
}

const MANAGERS: [Manager; 4] = [
    Manager {
        program: "apt-get",
        needs_root: true,
        refresh: &["-o", "Acquire::http::Timeout=30", "-o", "DPkg::Lock::Timeout=120", "update"],
        install: &["-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"],
        packages: &["redis-server", "valkey-server"],
    },
    Manager {
        program: "dnf",
        needs_root: true,
        refresh: &[],
        install: &["install", "-y"],
        packages: &["valkey", "redis"],
    },
    Manager {
        program: "apk",
        needs_root: true,
        refresh: &[],
        install: &["add", "--no-cache"],
        packages: &["redis", "valkey"],
    },
    Manager {
        program: "brew",
        needs_root: false,
        refresh: &[],
        install: &["install"],
        packages: &["redis"],
    },
];

/// The first manager that is there and may be used by this user.
fn manager(root: bool, present: impl Fn(&str) -> bool) -> Option<&'static Manager> {
    MANAGERS.iter().find(|manager| (root || !manager.needs_root) && present(manager.program))
}

fn install() -> Option<Server> {
    let root = shell::output(shell::program("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let Some(manager) = manager(root, |name| shell::which(name).is_some()) else {
        say::loud(
            "no redis-server on PATH, and no package manager that this user may install with",
        );
        return None;
    };
    say::line(&format!("no redis-server on PATH: installing one with {}", manager.program));
    if !manager.refresh.is_empty() {
        let _ = manage(manager.program, manager.refresh, None);
    }
    let server = manager.packages.iter().find_map(|package| {
        manage(manager.program, manager.install, Some(package))?;
        on_path()
    });
    if server.is_some() {
        stop_service();
    } else {
        say::loud(&format!("{} brought no usable server", manager.program));
    }
    server
}

/// Runs one command of a package manager; says why where it fails.
fn manage(program: &str, args: &[&str], package: Option<&str>) -> Option<()> {
    let mut command = shell::program(program);
    command.args(args).args(package).env("DEBIAN_FRONTEND", "noninteractive");
    shell::run_within(&mut command, INSTALL_LIMIT, "")
        .map_err(|failure| say::loud(&failure.what))
        .ok()
}

/// Some packages start a service at once. It came with our own installation a moment ago, nobody
/// uses it, and the tests start private servers on ports of their own: stop it, or leave it.
fn stop_service() {
    for service in BINARIES {
        let _ = shell::output(shell::program("service").args([service, "stop"]));
    }
}

#[cfg(test)]
mod tests;
