//! `coord broadcast`: one message into several mailboxes.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, MessageId, MessageResult, SendError};

use super::message::{MessageArgs, line, not_sent, refusal, told};
use crate::answer::{Answer, Human};
use crate::failure::Failure;
use crate::field::{self, Agent, Fields};
use crate::json;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct BroadcastArgs {
    /// Whom to send to; the message names the first one as its recipient
    #[arg(required = true)]
    to: Vec<AgentId>,
    /// Who sends: `type` or `type:instance`
    #[arg(long, value_name = "AGENT")]
    from: AgentId,
    #[command(flatten)]
    message: MessageArgs,
}

impl BroadcastArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let to: Vec<Agent> = field::take(fields, "to")?;
        let to = to.into_iter().map(|agent| agent.0).collect();
        let Agent(from) = field::take(fields, "from")?;
        Ok(Self { to, from, message: field::options(fields)? })
    }
}

pub(super) async fn run(args: BroadcastArgs, session: &Session) -> Result<Answer, Failure> {
    let recipients = args.to;
    let Some(first) = recipients.first() else {
        return Err(Failure::usage("invalid to: at least one recipient is needed"));
    };
    let out = args.message.open(args.from, first, session)?;
    let id = out.message.message_id.clone();
    let sent =
        out.mail.broadcast_message_with(&out.sender, out.message, &recipients, out.options).await;

    let (lines, human, failures) = told_each(&id, recipients.iter().zip(sent))?;
    Ok(Answer::list(lines, Human::Text(human)).and(summary(failures)))
}

/// What became of each copy: JSON, text for people, failures.
pub(super) fn told_each<'a>(
    id: &MessageId,
    sent: impl IntoIterator<Item = (&'a AgentId, Result<MessageResult, SendError>)>,
) -> Result<(Vec<String>, String, Vec<Failure>), Failure> {
    let (mut lines, mut human, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for (recipient, result) in sent {
        match result {
            Ok(result) => {
                lines.push(line(&result)?);
                human.push(told(&result, recipient));
                failures.extend(refusal(&result, recipient));
            }
            Err(error) => {
                let failure = not_sent(error, id);
                let (id, why) = (json::string(id.as_str()), json::string(&failure.message));
                lines.push(format!(r#"{{"message_id":{id},"delivered":false,"error":{why}}}"#));
                human.push(format!("failed for {recipient}"));
                failures.push(failure);
            }
        }
    }
    Ok((lines, human.join("\n"), failures))
}

/// The gravest failure, with how many others there were: failed before refused.
pub(super) fn summary(mut failures: Vec<Failure>) -> Option<Failure> {
    failures.sort_by_key(|failure| failure.kind.status());
    let others = failures.len().checked_sub(1)?;
    let gravest = failures.into_iter().next()?;
    Some(match others {
        0 => gravest,
        others => gravest.with_advice(&format!("{others} more recipients did not get it")),
    })
}
