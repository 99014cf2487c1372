#![doc = include_str!("../README.md")]

mod answer;
mod cli;
mod commands;
mod failure;
mod field;
mod interrupt;
mod json;
mod output;
mod payload;
mod period;
mod session;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::parsing_ended(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failed(&failure::Failure::io("starting", &error), false),
    };
    let verbose = cli.global.verbose;
    let ended = runtime.block_on(commands::run(cli));
    // A thread that waits for input must not keep the process.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::failed(&failure, verbose),
    }
}
