//! `coord dlq purge`: deletes dead letters.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator};
use serde::Deserialize;

use super::selection::{Conditions, dry_run, find, nothing};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field::{self, Fields};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    conditions: Conditions,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// All dead letters
    #[arg(long)]
    #[serde(default)]
    all: bool,

    /// Only tell how many and which
    #[arg(long)]
    #[serde(default)]
    dry_run: bool,
}

impl PurgeArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let own = field::split(fields, &["agent", "all", "dry_run"]);
        Ok(Self { options: field::options(&own)?, conditions: field::options(fields)? })
    }
}

pub(super) async fn run(args: PurgeArgs, session: &Session) -> Result<Answer, Failure> {
    let (options, agent) = (&args.options, &args.options.agent);
    let selection = args.conditions.or_all(options.all)?;
    if options.dry_run {
        let found = find(agent, &selection, session).await?;
        if found.total == 0 {
            return Err(nothing(agent));
        }
        let human = format!("would delete {} dead letters of {agent}", found.total);
        return Ok(Answer::one(dry_run("would_purge", found.total, &found), human));
    }
    match session.mail.purge(agent, &selection).await? {
        0 => Err(nothing(agent)),
        purged => {
            let human = format!("deleted {purged} dead letters of {agent}");
            Ok(Answer::one(format!(r#"{{"purged":{purged}}}"#), human))
        }
    }
}
