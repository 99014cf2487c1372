//! `coord why`: where a message is.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, MessageId, MessagePlace, MessageReport};
use serde::Deserialize;

use super::message::{block, described};
use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::period::for_people;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The id of the message
    #[serde(deserialize_with = "field::parsed")]
    message_id: MessageId,
}

pub(super) async fn run(args: WhyArgs, session: &Session) -> Result<Answer, Failure> {
    let WhyArgs { agent, message_id: id } = args;
    let Some(report) = session.mail.why(&agent, &id).await? else {
        let why = format!("no message {id} in the mailbox of {agent}, nor among its dead letters");
        let advice = "it was settled, expired, or never was there";
        return Err(Failure::new(Kind::UnknownMessage, why).with_advice(advice));
    };
    let is_paused = session.mail.mailbox_stats(&agent).await?.gate.is_paused;
    Ok(Answer::one(line(&report), told(&report, is_paused)))
}

fn line(report: &MessageReport) -> String {
    let (place, time) = match &report.place {
        MessagePlace::Ready { since } => ("ready", format!(r#""since":"{since}""#)),
        MessagePlace::Delayed { due } => ("delayed", format!(r#""due":"{due}""#)),
        MessagePlace::Reserved { token, deadline, is_cancelled } => {
            let held = format!(r#""deadline":"{deadline}","token":"{token}""#);
            ("reserved", format!(r#"{held},"cancelled":{is_cancelled}"#))
        }
        MessagePlace::Dead { at } => {
            let at = json::optional(at.map(|at| at.to_string()).as_deref());
            ("dead", format!(r#""died_at":{at}"#))
        }
    };
    let expires = json::optional(report.expires_at.map(|at| at.to_string()).as_deref());
    let wire = report.queue_message.to_wire();
    format!(
        r#"{{"place":"{place}",{time},"expires_at":{expires},"queue_message":{}}}"#,
        json::one_line(&wire)
    )
}

fn told(report: &MessageReport, is_paused: bool) -> String {
    let now = report.now;
    let place = match &report.place {
        MessagePlace::Ready { since } if is_paused => {
            format!("ready for {}, but the mailbox is paused", for_people(now.since(*since)))
        }
        MessagePlace::Ready { since } => format!("ready for {}", for_people(now.since(*since))),
        MessagePlace::Delayed { due } => format!("due in {} ({due})", for_people(due.since(now))),
        MessagePlace::Reserved { token, deadline, is_cancelled } => {
            let left = match deadline.since(now) {
                left if left.is_zero() => "its time is over, the next receive takes it back".into(),
                left => format!("{} left", for_people(left)),
            };
            let cancelled = if *is_cancelled { ", cancelled" } else { "" };
            format!("reserved under {token}, {left}{cancelled}")
        }
        MessagePlace::Dead { at: Some(at) } => format!("dead since {at}"),
        MessagePlace::Dead { at: None } => "dead".to_owned(),
    };
    let mut lines = vec![("place", place)];
    if let Some(at) = report.expires_at {
        lines.push(("expires", at.to_string()));
    }
    lines.extend(described(&report.queue_message));
    block(&lines)
}
