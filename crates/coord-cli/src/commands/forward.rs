//! `coord forward`: hands work on.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, ReservationToken};

use super::message::{MessageArgs, refusal};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field::{self, Agent, Fields};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct ForwardArgs {
    /// Whose mailbox the reserved message lies in
    agent: AgentId,
    /// The token that `receive` gave
    token: ReservationToken,
    /// Whom the new message is sent to
    to: AgentId,
    /// Who sends it [default: AGENT]
    #[arg(long, value_name = "AGENT")]
    from: Option<AgentId>,
    #[command(flatten)]
    message: MessageArgs,
}

impl ForwardArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let Agent(agent) = field::take(fields, "agent")?;
        let token = field::take::<String>(fields, "token")?.parse()?;
        let Agent(to) = field::take(fields, "to")?;
        let from = match fields.contains_key("from") {
            true => field::take::<Option<Agent>>(fields, "from")?.map(|agent| agent.0),
            false => None,
        };
        Ok(Self { agent, token, to, from, message: field::options(fields)? })
    }
}

pub(super) async fn run(args: ForwardArgs, session: &Session) -> Result<Answer, Failure> {
    let (agent, token, to) = (args.agent, args.token, args.to);
    let sender = args.from.unwrap_or_else(|| agent.clone());
    let out = args.message.open(sender, &to, session)?;
    let result = out.mail.forward(&agent, &token, &to, out.message, out.options).await?;
    match refusal(&result, &to) {
        Some(refused) => Err(refused.with_advice(&format!("{token} still holds its message"))),
        None => Ok(Answer::ok(format!("settled {token}, sent {} to {to}", result.message_id))),
    }
}
