//! `coord pause`, `coord resume`, `coord limit`: what a mailbox hands out.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coord_core::{AgentId, Gate, InvalidInput, MessageCoordinator, RateLimit};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::period::for_people;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// At most so many messages in a time, for example 10/s, 60/m, 1000/h; `off` ends it
    #[serde(deserialize_with = "field::parsed")]
    rate: Rate,

    /// How many at once after a pause [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(default)]
    burst: Option<u32>,
}

/// `N/s`, `N/m`, `N/h`, `N/d`, or `off`.
#[derive(Debug, Clone, Copy)]
struct Rate(Option<RateLimit>);

impl FromStr for Rate {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        if text == "off" {
            return Ok(Self(None));
        }
        let wrong = || {
            let problem = format!("{text:?} is none of N/s, N/m, N/h, N/d, off");
            InvalidInput::new("rate", problem)
        };
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let messages = number.parse().map_err(|_| wrong())?;
        RateLimit::new(messages, Duration::from_secs(seconds)).map(Some).map(Self)
    }
}

pub(super) async fn pause(args: GateArgs, session: &Session) -> Result<Answer, Failure> {
    let changed = session.mail.pause(&args.agent).await?;
    let word = if changed { "paused" } else { "was paused already:" };
    Ok(Answer::one(
        format!(r#"{{"paused":true,"changed":{changed}}}"#),
        format!("{word} {}", args.agent),
    ))
}

pub(super) async fn resume(args: GateArgs, session: &Session) -> Result<Answer, Failure> {
    let changed = session.mail.resume(&args.agent).await?;
    let word = if changed { "resumed" } else { "was not paused:" };
    Ok(Answer::one(
        format!(r#"{{"paused":false,"changed":{changed}}}"#),
        format!("{word} {}", args.agent),
    ))
}

pub(super) async fn limit(args: LimitArgs, session: &Session) -> Result<Answer, Failure> {
    let rate = match (args.rate.0, args.burst) {
        (Some(rate), Some(burst)) => Some(rate.with_burst(burst)?),
        (rate, _) => rate,
    };
    session.mail.limit_rate(&args.agent, rate).await?;
    let gate = Gate { is_paused: false, rate };
    Ok(Answer::ok(format!("{}: {}", args.agent, for_people_gate(gate))))
}

/// What a mailbox hands out, in a word or two.
pub(super) fn for_people_gate(gate: Gate) -> String {
    match (gate.is_paused, gate.rate) {
        (true, _) => "paused".to_owned(),
        (false, None) => "open".to_owned(),
        (false, Some(rate)) => {
            let every = rate.interval();
            let every = match every < Duration::from_millis(1) {
                true => format!("{}us", every.as_micros()),
                false => for_people(every),
            };
            match rate.burst() {
                1 => format!("one every {every}"),
                burst => format!("one every {every}, {burst} at once"),
            }
        }
    }
}

/// The same as fields of a JSON object.
pub(super) fn gate_fields(gate: Gate) -> String {
    let rate = gate.rate.map_or_else(
        || "null".to_owned(),
        |rate| {
            let seconds = rate.interval().as_secs_f64();
            format!(r#"{{"interval_seconds":{seconds},"burst":{}}}"#, rate.burst())
        },
    );
    format!(r#""paused":{},"rate":{rate}"#, gate.is_paused)
}
