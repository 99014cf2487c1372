//! `coord ack`: settles a message.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, ReservationToken};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AckArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The token that `receive` gave
    #[serde(deserialize_with = "field::parsed")]
    token: ReservationToken,
}

pub(super) async fn run(args: AckArgs, session: &Session) -> Result<Answer, Failure> {
    session.mail.ack(&args.agent, &args.token).await?;
    Ok(Answer::ok(format!("settled {}", args.token)))
}
