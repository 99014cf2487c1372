//! `coord dlq purge`: deletes dead letters.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, MessageId};
use serde::Deserialize;

use super::selection::{count, nothing, selection};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// Only messages of these ids
    #[arg(long = "id", value_name = "ID", num_args = 1..)]
    #[serde(rename = "message_ids", default, deserialize_with = "field::list")]
    ids: Vec<MessageId>,

    /// All dead letters
    #[arg(long)]
    #[serde(default)]
    all: bool,

    /// Only count them
    #[arg(long)]
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn run(args: PurgeArgs, session: &Session) -> Result<Answer, Failure> {
    let agent = &args.agent;
    let selection = selection(args.ids, args.all)?;
    if args.dry_run {
        return match count(agent, &selection, true, session).await? {
            0 => Err(nothing(agent)),
            found => {
                let human = format!("would delete {found} dead letters of {agent}");
                Ok(Answer::one(format!(r#"{{"would_purge":{found}}}"#), human))
            }
        };
    }
    match session.mail.purge(agent, &selection).await? {
        0 => Err(nothing(agent)),
        purged => {
            let human = format!("deleted {purged} dead letters of {agent}");
            Ok(Answer::one(format!(r#"{{"purged":{purged}}}"#), human))
        }
    }
}
