//! `cargo xtask`: the tasks of the workspace, the same ones that CI runs.

mod bench;
mod ci;
mod failure;
mod metadata;
mod mutate;
mod say;
mod server;
mod shell;
mod test;
mod tidy;

use std::env;
use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
cargo xtask TASK

  test [ARGS]          run every test; finds or installs a Redis server for them
                       ARGS go to `cargo test`, for example: -p coord-core, or a test's name
  ci [STEP...]         all that CI runs, or the named steps only; --skip STEP leaves one out,
                       --list names them
  bench [NAME] [ARGS]  all benchmarks, or one of them; `peers-resilience` sets the breaker and the
                       retry beside other crates on the same probes
  mutate [--on fake|real|both] [PLACE...]
                       break each statement of the Lua scripts that calls Redis, and see whether
                       tests notice, on the fake server and on a real one unless one is named;
                       PLACE is a part of `compact/ack.lua:8`
  tidy                 the rules that the compiler cannot check: crate edges, sizes, names, docs

Environment
  COORD_TEST_SERVER_BIN=PATH   the redis-server or valkey-server to use
  COORD_TEST_REDIS_URL=URL     a running server, for the tests that need no special one
  COORD_REQUIRE_REAL=1         fail where a test could not run for want of a real server
  COORD_NO_INSTALL=1           never install a server, use what is there
  COORD_INSTALL_TOOLCHAIN=1    let the step msrv of `ci` install the oldest Rust we promise
  NO_COLOR=1                   no colours (they appear on terminals only)";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        None | Some("help" | "-h" | "--help") => {
            say::line(HELP);
            Ok(())
        }
        Some("test") => test::run(&args[1..]),
        Some("bench") => bench::run(&args[1..]),
        Some("ci") => ci::run(&args[1..]),
        Some("mutate") => mutate::run(&args[1..]),
        Some("tidy") => tidy::run(&args[1..]),
        Some(other) => Err(Failure::new(
            format!("there is no task `{other}`"),
            "`cargo xtask` without arguments lists the tasks",
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::failure(&failure);
            ExitCode::FAILURE
        }
    }
}
