//! `coord receive`: reserves messages.

use std::time::Duration;

use clap::Args;
use coord_core::{AgentId, MAX_WAIT, MessageCoordinator, ReceivedMessage};
use serde::Deserialize;

use super::message::{block, described};
use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::output::note;
use crate::period::Period;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiveArgs {
    /// Whose mailbox: `type` or `type:instance`
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// How long the messages stay reserved
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    #[serde(default = "thirty_seconds", deserialize_with = "field::parsed")]
    visibility: Period,

    /// Wait so long for the first message, at most a day
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    wait: Option<Period>,

    /// Reserve up to N messages that are due [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX))]
    max: Option<u32>,
}

impl ReceiveArgs {
    /// Whether it waits if nothing is due.
    pub(super) const fn waits(&self) -> bool {
        self.wait.is_some()
    }
}

/// The most messages of one command.
const MAX: i64 = 1_000;
/// How long the end of a wait may take after Ctrl-C.
const CLEARING: Duration = Duration::from_secs(2);

pub(super) async fn run(args: ReceiveArgs, session: &Session) -> Result<Answer, Failure> {
    let agent = &args.agent;
    let max = args.max.unwrap_or(1);
    if !(1..=MAX).contains(&i64::from(max)) {
        return Err(Failure::usage(format!("invalid max: {max}, 1 to {MAX} are allowed")));
    }
    let received = reserve(&args, max as usize, session).await?;
    let failure = received.is_empty().then(|| nothing(agent));
    let lines = received.iter().map(line).collect();
    let human = received.iter().map(for_people).collect::<Vec<_>>().join("\n\n");
    let mut answer = Answer::list(lines, Human::Text(human)).and(failure);
    answer.is_list = args.max.is_some();
    answer.held = received.into_iter().map(|message| (agent.clone(), message.token)).collect();
    Ok(answer)
}

/// What is due, waited for if that was asked.
async fn reserve(
    args: &ReceiveArgs,
    max: usize,
    session: &Session,
) -> Result<Vec<ReceivedMessage>, Failure> {
    let (mail, agent, visibility) = (&session.mail, &args.agent, args.visibility.0);
    let mut received = mail.receive_batch(agent, max, visibility).await?;
    if let (true, Some(Period(wait))) = (received.is_empty(), args.wait) {
        if session.verbose {
            note(&format!("waiting for a message of {agent}"));
        }
        // More than a day is a day: whoever waits asks again.
        let waiting = mail.receive_wait(agent, visibility, wait.min(MAX_WAIT));
        let first = tokio::select! {
            first = waiting => first?,
            () = session.interrupt.asked() => None,
        };
        if let Some(first) = first {
            let more = mail.receive_batch(agent, max - 1, visibility).await?;
            received.push(first);
            received.extend(more);
        }
    }
    if session.interrupt.is_asked() {
        for message in received.drain(..) {
            mail.release(agent, &message.token).await?;
        }
        // What a wait was handed in the moment it was dropped goes back, too.
        let _unreachable = tokio::time::timeout(CLEARING, mail.waits_cleared()).await;
    }
    Ok(received)
}

/// The message as JSON, by its raw text: a payload may hold what only Python calls JSON.
fn line(received: &ReceivedMessage) -> String {
    let wire = received.queue_message.to_wire();
    format!(
        r#"{{"token":"{}","fence":{},"visibility_deadline":"{}","queue_message":{}}}"#,
        received.token,
        received.fence,
        received.visibility_deadline,
        json::one_line(&wire)
    )
}

fn for_people(received: &ReceivedMessage) -> String {
    let mut lines = vec![
        ("token", received.token.to_string()),
        ("fence", received.fence.to_string()),
        ("deadline", received.visibility_deadline.to_string()),
    ];
    lines.extend(described(&received.queue_message));
    block(&lines)
}

fn nothing(agent: &AgentId) -> Failure {
    let why = format!("nothing to receive: no message of {agent} is due");
    let advice = format!("wait with --wait 30s, or see what it holds with `coord queues {agent}`");
    Failure::new(Kind::Empty, why).with_advice(&advice)
}

const fn thirty_seconds() -> Period {
    Period(Duration::from_secs(30))
}
