//! `coord dlq redrive`: puts dead letters back to ready.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coord_core::{AgentId, DeadSelection, InvalidInput, MessageCoordinator, MessageId};
use serde::Deserialize;

use super::selection::{count, nothing, selection};
use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// Only messages of these ids
    #[arg(long = "id", value_name = "ID", num_args = 1..)]
    #[serde(rename = "message_ids", default, deserialize_with = "field::list")]
    ids: Vec<MessageId>,

    /// All dead letters
    #[arg(long)]
    #[serde(default)]
    all: bool,

    /// At most so many in a second, for example 10/s
    #[arg(long, value_name = "N/s")]
    #[serde(default, deserialize_with = "field::optional")]
    rate: Option<Rate>,

    /// Only count them
    #[arg(long)]
    #[serde(default)]
    dry_run: bool,
}

/// How many messages in a second.
#[derive(Debug, Clone, Copy)]
struct Rate(u64);

/// How many steps a rate is spread over in a second, at most.
const STEPS_PER_SECOND: u64 = 10;
const MAX_RATE: u64 = 1_000_000;

impl Rate {
    /// How many at once, and the pause after them.
    fn step(self) -> (u64, Duration) {
        let at_once = self.0.div_ceil(STEPS_PER_SECOND);
        (at_once, Duration::from_secs(at_once) / u32::try_from(self.0).unwrap_or(u32::MAX))
    }
}

pub(super) async fn run(args: RedriveArgs, session: &Session) -> Result<Answer, Failure> {
    let agent = &args.agent;
    let selection = selection(args.ids, args.all)?;
    let found = count(agent, &selection, false, session).await? as u64;
    if found == 0 {
        return Err(nothing(agent));
    }
    if args.dry_run {
        let human = format!("would put back {found} dead letters of {agent}");
        return Ok(Answer::one(format!(r#"{{"would_redrive":{found}}}"#), human));
    }
    let redriven = redrive(agent, &selection, found, args.rate, session).await?;
    let json = format!(r#"{{"redriven":{redriven}}}"#);
    let human = format!("put back {redriven} of {found} dead letters of {agent}");
    let refused = redriven < found && !session.interrupt.is_asked();
    let failure = refused.then(|| {
        let why = format!("{} of {found} dead letters stay: {agent} is full", found - redriven);
        Failure::new(Kind::QueueFull, why).with_advice("try again when its consumers caught up")
    });
    Ok(Answer::one(json, human).and(failure))
}

/// Puts back at most `limit`, as fast as `rate` allows; ends early at Ctrl-C and when the mailbox
/// takes no more.
async fn redrive(
    agent: &AgentId,
    selection: &DeadSelection,
    limit: u64,
    rate: Option<Rate>,
    session: &Session,
) -> Result<u64, Failure> {
    let (at_once, pause) = rate.map_or((limit, Duration::ZERO), Rate::step);
    let mut redriven = 0;
    while redriven < limit {
        let wanted = at_once.min(limit - redriven);
        let moved = session.mail.redrive(agent, selection, wanted).await?;
        redriven += moved;
        if moved < wanted || redriven >= limit {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = session.interrupt.asked() => break,
        }
    }
    Ok(redriven)
}

impl FromStr for Rate {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text.strip_suffix("/s").map(str::parse) {
            Some(Ok(number @ 1..=MAX_RATE)) => Ok(Self(number)),
            _ => {
                let problem = format!("{text:?} is not a number from 1 to {MAX_RATE} and `/s`");
                Err(InvalidInput::new("rate", problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_on_average() {
        for (text, at_once, pause_ms) in
            [("1/s", 1, 1000), ("10/s", 1, 100), ("25/s", 3, 120), ("1000/s", 100, 100)]
        {
            let step = text.parse::<Rate>().unwrap().step();
            assert_eq!(step, (at_once, Duration::from_millis(pause_ms)), "{text}");
        }
        for text in ["0/s", "5", "/s", "5/m", "1000001/s", "-1/s"] {
            assert_eq!(text.parse::<Rate>().unwrap_err().field(), "rate");
        }
    }
}
