//! `coord release`: puts a reserved message back.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, ReservationToken};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The token that `receive` gave
    #[serde(deserialize_with = "field::parsed")]
    token: ReservationToken,
}

pub(super) async fn run(args: ReleaseArgs, session: &Session) -> Result<Answer, Failure> {
    session.mail.release(&args.agent, &args.token).await?;
    Ok(Answer::ok(format!("released {}", args.token)))
}
