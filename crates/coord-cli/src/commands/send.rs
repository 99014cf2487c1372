//! `coord send`: one message into one mailbox.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator};

use super::message::{MessageArgs, line, not_sent, refusal, told};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field::{self, Agent, Fields};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Whom to send to: `type` or `type:instance`
    to: AgentId,
    /// Who sends: `type` or `type:instance`
    #[arg(long, value_name = "AGENT")]
    from: AgentId,
    #[command(flatten)]
    message: MessageArgs,
}

impl SendArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let Agent(to) = field::take(fields, "to")?;
        let Agent(from) = field::take(fields, "from")?;
        Ok(Self { to, from, message: field::options(fields)? })
    }
}

pub(super) async fn run(args: SendArgs, session: &Session) -> Result<Answer, Failure> {
    let to = args.to;
    let out = args.message.open(args.from, &to, session)?;
    let id = out.message.message_id.clone();
    let sent = out.mail.send_message_with(&out.sender, &to, out.message, out.options).await;
    let result = sent.map_err(|error| not_sent(error, &id))?;
    Ok(Answer::one(line(&result)?, told(&result, &to)).and(refusal(&result, &to)))
}
