//! Other programs: finding them, running them, and never waiting for them without end.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// The root of the workspace: the parent of xtask's own directory.
pub(crate) fn root() -> PathBuf {
    let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    own.as_deref().and_then(Path::parent).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// True where the variable is set to anything but nothing, `0`, `false` or `no`.
pub(crate) fn flag(name: &str) -> bool {
    env::var(name).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false" | "no"))
}

/// Cargo in the workspace's root, reading no input, in the environment that a person's own
/// `cargo` would see, so that neither of them rebuilds what the other built.
pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    outside_cargo(&mut command);
    command
}

/// Any program, in the workspace's root, reading no input.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    outside_cargo(&mut command);
    command
}

fn outside_cargo(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let leaked = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if leaked {
            command.env_remove(name);
        }
    }
    command.current_dir(root()).stdin(Stdio::null());
}

/// Runs to the end; a status other than success is a failure with this advice.
pub(crate) fn run(command: &mut Command, advice: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| {
        Failure::new(format!("could not start {}: {error}", shown(command)), advice)
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{} ended with {status}", shown(command)), advice))
    }
}

/// Runs at most this long; the process is killed when the time is over.
pub(crate) fn run_within(
    command: &mut Command,
    limit: Duration,
    advice: &str,
) -> Result<(), Failure> {
    let name = shown(command);
    let mut child = command
        .spawn()
        .map_err(|error| Failure::new(format!("could not start {name}: {error}"), advice))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(Failure::new(format!("{name} ended with {status}"), advice));
            }
            Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(50)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::new(
                    format!("{name} was still running after {} s", limit.as_secs()),
                    advice,
                ));
            }
            Err(error) => {
                return Err(Failure::new(format!("could not wait for {name}: {error}"), advice));
            }
        }
    }
}

/// The standard output of a program that succeeds, else nothing.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where a program stands on PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text =
        program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests;
