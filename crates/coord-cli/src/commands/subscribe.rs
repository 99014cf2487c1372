//! `coord subscribe`: records which types of messages an agent wants.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, MessageType};
use serde::Deserialize;

use crate::answer::Answer;
use crate::cli::choice;
use crate::failure::Failure;
use crate::field;
use crate::json;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscribeArgs {
    /// Who subscribes
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// The types it wants
    #[arg(required = true, value_name = "TYPE",
          value_parser = choice::<MessageType>(["request", "response", "event"]))]
    #[serde(deserialize_with = "field::list")]
    types: Vec<MessageType>,

    /// Leave the subscription recorded and exit, instead of holding it until Ctrl-C
    #[arg(long)]
    #[serde(default)]
    leave: bool,
}

pub(super) async fn run(args: SubscribeArgs, session: &Session) -> Result<Answer, Failure> {
    if args.types.is_empty() {
        return Err(Failure::usage("invalid types: at least one is needed"));
    }
    let subscription = session.mail.subscribe_to_messages(&args.agent, &args.types).await?;
    let id = subscription.subscription_id.clone();
    let words: Vec<&str> = subscription.message_types.iter().map(|kind| kind.as_str()).collect();
    let json = format!(
        r#"{{"subscription_id":"{id}","agent":{},"message_types":["{}"]}}"#,
        json::string(&args.agent.to_string()),
        words.join(r#"",""#)
    );
    let until = if args.leave { "for good" } else { "until Ctrl-C" };
    let human = format!("{} is subscribed to {} {until}", args.agent, words.join(", "));
    let mut answer = Answer::one(json, human);
    if args.leave {
        subscription.leave();
    } else {
        answer.subscription = Some(subscription);
    }
    Ok(answer)
}
