//! `coord publish`: one message for whoever is subscribed to such messages.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator};

use super::broadcast::{summary, told_each};
use super::message::{MessageArgs, not_sent};
use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field::{self, Agent, Fields};
use crate::json;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// Who publishes: `type` or `type:instance`; the message names it as its recipient, too
    #[arg(long, value_name = "AGENT")]
    from: AgentId,
    #[command(flatten)]
    message: MessageArgs,
}

impl PublishArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let Agent(from) = field::take(fields, "from")?;
        Ok(Self { from, message: field::options(fields)? })
    }
}

pub(super) async fn run(args: PublishArgs, session: &Session) -> Result<Answer, Failure> {
    let out = args.message.open(args.from.clone(), &args.from, session)?;
    let (id, kind) = (out.message.message_id.clone(), out.message.message_type.as_str());
    let published = out.mail.publish(&out.sender, out.message, out.options).await;
    let published = published.map_err(|error| not_sent(error, &id))?;
    if published.results.is_empty() {
        let why = format!("no agent is subscribed to such messages (type {kind})");
        let failure = Failure::new(Kind::Empty, why);
        return Ok(Answer::list(Vec::new(), Human::Text(String::new())).and(Some(failure)));
    }
    let agents: Vec<AgentId> = published.recipients().cloned().collect();
    let sent = published.results.into_iter().map(|(_, sent)| sent);
    let (lines, human, failures) = told_each(&id, agents.iter().zip(sent))?;
    // The recipients were not named by the caller, so each line does.
    let lines = agents.iter().zip(lines).map(|(agent, line)| {
        let agent = json::string(&agent.to_string());
        format!(r#"{{"recipient":{agent},{}"#, &line[1..])
    });
    Ok(Answer::list(lines.collect(), Human::Text(human)).and(summary(failures)))
}
