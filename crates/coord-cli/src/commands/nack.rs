//! `coord nack`: gives a message back as failed.

use clap::Args;
use coord_core::{AgentId, FailureType, MessageCoordinator, NackOutcome, ReservationToken};
use serde::Deserialize;

use crate::answer::Answer;
use crate::cli::choice;
use crate::failure::Failure;
use crate::field;
use crate::period::{self, Period};
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NackArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// The token that `receive` gave
    #[serde(deserialize_with = "field::parsed")]
    token: ReservationToken,

    /// Transient ones and timeouts are retried, a permanent one is dead-lettered
    #[arg(long, value_name = "KIND", default_value = "transient",
          value_parser = choice::<FailureType>(["transient", "permanent", "timeout"]))]
    #[serde(default, deserialize_with = "field::parsed")]
    failure: FailureType,

    /// What went wrong; kept with the message as its last error
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,

    /// How many failed deliveries are retried [default: 3]
    #[arg(long, value_name = "N")]
    retry_attempts: Option<u32>,

    /// The pause after the first failure [default: 1s]
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    backoff_base: Option<Period>,

    /// How much each further pause grows [default: 2]
    #[arg(long, value_name = "FACTOR")]
    backoff_factor: Option<f64>,

    /// The longest pause [default: 30s]
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    backoff_max: Option<Period>,
}

pub(super) async fn run(args: NackArgs, session: &Session) -> Result<Answer, Failure> {
    let mail = session.with_policy(|policy| {
        let attempts = args.retry_attempts.unwrap_or(policy.retry_attempts());
        let base = args.backoff_base.map_or(policy.backoff_base(), |period| period.0);
        let factor = args.backoff_factor.unwrap_or(policy.backoff_factor());
        let max = args.backoff_max.map_or(policy.backoff_max(), |period| period.0);
        policy.with_retry_attempts(attempts).with_backoff(base, factor, max)
    })?;
    let token = &args.token;
    let outcome = mail.nack(&args.agent, token, args.failure, args.error.as_deref()).await?;
    Ok(Answer::ok(match outcome {
        NackOutcome::Retry { attempts, delay, .. } => {
            let pause = period::for_people(delay);
            format!("gave back {token}: failed {attempts} times, due again in {pause}")
        }
        NackOutcome::DeadLettered { attempts } => {
            format!("gave back {token}: failed {attempts} times, now a dead letter")
        }
        NackOutcome::Expired => format!("gave back {token}: its own expiry had passed, it is gone"),
        NackOutcome::Cancelled => format!("gave back {token}: it was cancelled, it is gone"),
        _ => format!("gave back {token}"),
    }))
}
