//! `coord extend`: keeps a reserved message longer.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, ReservationToken};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::period::Period;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The token that `receive` gave
    #[serde(deserialize_with = "field::parsed")]
    token: ReservationToken,
    /// How long from now
    #[arg(value_name = "DURATION")]
    #[serde(deserialize_with = "field::parsed")]
    visibility: Period,
}

pub(super) async fn run(args: ExtendArgs, session: &Session) -> Result<Answer, Failure> {
    let deadline = session.mail.extend(&args.agent, &args.token, args.visibility.0).await?;
    Ok(Answer::ok(format!("extended {} until {deadline}", args.token)))
}
