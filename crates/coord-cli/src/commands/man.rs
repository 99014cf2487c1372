//! `coord man`: the manual.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this directory, which must exist
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: ManArgs) -> Result<(), Failure> {
    let writing = |error: std::io::Error| Failure::io("writing the manual", &error);
    let command = Cli::command();
    let Some(dir) = args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(writing)?;
        return output::write_text(&String::from_utf8_lossy(&page)).map_err(writing);
    };
    clap_mangen::generate_to(command, dir).map_err(writing)
}
