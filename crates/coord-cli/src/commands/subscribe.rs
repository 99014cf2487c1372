//! `coord subscribe`: records which types of messages an agent wants.

use clap::Args;
use coord_core::{AgentId, Filter, MessageCoordinator, MessageType, TopicPattern};
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

    /// Only messages about such a topic: segments with dots between them, * for one segment, # at
    /// the end for the rest
    #[arg(long, value_name = "PATTERN")]
    #[serde(default, deserialize_with = "field::optional")]
    topic: Option<TopicPattern>,

    /// Only messages that carry this tag; may be repeated, then all of them
    #[arg(long = "tag", value_name = "TAG")]
    #[serde(default)]
    tags: Vec<String>,
}

pub(super) async fn run(args: SubscribeArgs, session: &Session) -> Result<Answer, Failure> {
    if args.types.is_empty() {
        return Err(Failure::usage("invalid types: at least one is needed"));
    }
    let filter = args.topic.map_or(Filter::any(), |topic| Filter::any().with_topic(topic));
    let filter = args.tags.into_iter().try_fold(filter, Filter::with_tag)?;
    let (agent, types) = (&args.agent, &args.types);
    let subscription = session.mail.subscribe_to_messages_with(agent, types, filter).await?;
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
        subscription.leave().await?;
    } else {
        answer.subscription = Some(subscription);
    }
    Ok(answer)
}
