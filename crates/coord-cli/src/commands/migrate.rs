//! `coord migrate`: moving agents over from the Python original.

mod check;
mod drain;

use clap::{Args, Subcommand};
use coord_redis::KeyLayout;

use crate::cli::Global;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    verb: MigrateVerb,
}

#[derive(Debug, Subcommand)]
enum MigrateVerb {
    /// Say what would be a problem: server, odd names, leaks, stuck reservations, unreadable entries
    ///
    /// Looks at the data of the Python original (layout tta, whatever --layout says; prefix ao
    /// unless --prefix says otherwise) and changes nothing. Status 1 if there is a problem.
    Check,
    /// Wait until a mailbox is empty, so that its consumer's language can change
    ///
    /// It only looks: it stops no producer and no consumer, takes no message, repairs nothing. So:
    /// stop the producers or point them elsewhere, leave the old consumers running, drain, stop
    /// the old consumers, start the new ones.
    ///
    /// With --until unreserved it waits only until no message is in anybody's hands: stop the old
    /// consumers, drain so, and let the new ones take what waits.
    ///
    /// What a crashed consumer held stays reserved until `coord recover AGENT`. What it leaked is
    /// counted as leaked, is not waited for, and comes back by `coord reconcile AGENT`.
    ///
    /// Looks at the original's layout (tta), whatever --layout says.
    Drain(drain::DrainArgs),
}

/// Runs on the original's layout, whatever else is configured: another one would find nothing
/// there, and mark the prefix as its own.
pub(super) async fn run(args: MigrateArgs, mut global: Global) -> Result<(), Failure> {
    global.layout = KeyLayout::Tta;
    let mut session = Session::connect(&global).await?;
    match args.verb {
        MigrateVerb::Check => {
            let answer = check::run(&session).await?;
            output::write(&answer, global.output)
                .map_err(|error| Failure::io("writing the answer", &error))?;
            answer.failure.map_or(Ok(()), Err)
        }
        MigrateVerb::Drain(args) => {
            session.interrupt = Interrupt::listen()?;
            drain::run(&args, &session, global.output).await
        }
    }
}
