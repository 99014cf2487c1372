//! `coord reconcile`: repairs a mailbox that a crashed peer left in disorder.

use std::time::Duration;

use clap::Args;
use coord_core::{AgentId, MessageCoordinator};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::period::Period;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReconcileArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// How long a message must look lost before it is put back; the first pass only notes it
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    #[serde(default = "one_minute", deserialize_with = "field::parsed")]
    grace: Period,
}

pub(super) async fn run(args: ReconcileArgs, session: &Session) -> Result<Answer, Failure> {
    let done = session.mail.reconcile(&args.agent, args.grace.0).await?;
    let json = format!(
        r#"{{"redriven":{},"deadlines_given":{},"leaks_removed":{},"suspects":{}}}"#,
        done.redriven, done.deadlines_given, done.leaks_removed, done.suspects
    );
    let mut human = match done.is_clean() {
        true => format!("{}: nothing to repair", args.agent),
        false => format!(
            "{}: put {} back, gave {} reservations a deadline, removed {} leaked entries",
            args.agent, done.redriven, done.deadlines_given, done.leaks_removed
        ),
    };
    if done.suspects > 0 {
        human.push_str(&format!(
            "; {} look lost: run it again after the grace to put them back",
            done.suspects
        ));
    }
    Ok(Answer::one(json, human))
}

const fn one_minute() -> Period {
    Period(Duration::from_secs(60))
}
