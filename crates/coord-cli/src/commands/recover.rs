//! `coord recover`: takes expired reservations back.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoverArgs {
    /// Whose mailbox [default: all mailboxes]
    #[serde(default, deserialize_with = "field::optional_agent")]
    agent: Option<AgentId>,
}

pub(super) async fn run(args: RecoverArgs, session: &Session) -> Result<Answer, Failure> {
    let recovered = session.mail.recover_pending(args.agent.as_ref()).await?;
    let whose = args.agent.map_or_else(|| "all mailboxes".to_owned(), |agent| agent.to_string());
    let human = format!("took back {recovered} expired reservations of {whose}");
    Ok(Answer::one(format!(r#"{{"recovered":{recovered}}}"#), human))
}
