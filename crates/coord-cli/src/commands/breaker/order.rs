//! Orders to a fleet: open, close, reset.

use std::time::Duration;

use clap::Args;
use coord_core::InvalidInput;
use coord_redis::RedisBreakerStore;
use coord_resilience::breaker::{BreakerName, BreakerStore, ControlOrder, Hold};
use serde::Deserialize;

use super::{failed, known};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::period::{self, Period};

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldArgs {
    /// The breaker
    #[serde(deserialize_with = "field::parsed")]
    name: BreakerName,

    /// For how long; then the fleet decides again [default: until the next order]
    #[arg(long = "for", value_name = "DURATION")]
    #[serde(default, rename = "for", deserialize_with = "field::optional")]
    lasting: Option<Period>,

    /// Why, for those who look at it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Who orders it [default: the user's name]
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetArgs {
    /// The breaker
    #[serde(deserialize_with = "field::parsed")]
    name: BreakerName,
}

/// The longest reason or author, in bytes: it is stored and shown with the breaker.
const MAX_TEXT: usize = 1_000;
/// The longest time of an order.
const MAX_LASTING: Duration = Duration::from_secs(100 * 365 * 86_400);

pub(super) async fn open(args: HoldArgs, store: &RedisBreakerStore) -> Result<Answer, Failure> {
    hold(args, Hold::ForcedOpen, store).await
}

pub(super) async fn close(args: HoldArgs, store: &RedisBreakerStore) -> Result<Answer, Failure> {
    hold(args, Hold::Disabled, store).await
}

pub(super) async fn reset(args: ResetArgs, store: &RedisBreakerStore) -> Result<Answer, Failure> {
    known(store, &args.name).await?;
    store
        .control(&args.name, &ControlOrder::Close)
        .await
        .map_err(|error| failed(&args.name, error))?;
    Ok(Answer::ok(format!("{} is closed, and its fleet decides again", args.name)))
}

async fn hold(args: HoldArgs, hold: Hold, store: &RedisBreakerStore) -> Result<Answer, Failure> {
    let lasting = args.lasting.map(|period| period.0);
    if lasting.is_some_and(|time| time.is_zero() || time > MAX_LASTING) {
        return Err(InvalidInput::new("for", "it must be at least 1ms and at most 36500d").into());
    }
    let user = || std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let reason = checked("reason", args.reason.unwrap_or_default())?;
    let author = checked("author", args.author.unwrap_or_else(user))?;
    known(store, &args.name).await?;
    let order = ControlOrder::Hold { hold, lasting, reason, author };
    store.control(&args.name, &order).await.map_err(|error| failed(&args.name, error))?;
    let time = match lasting {
        Some(time) => format!("for {}", period::for_people(time)),
        None => "until `coord breaker reset`".to_owned(),
    };
    let what = if hold == Hold::ForcedOpen { "rejects all calls" } else { "lets all calls pass" };
    Ok(Answer::ok(format!("{} {what} {time}", args.name)))
}

fn checked(field: &'static str, text: String) -> Result<String, InvalidInput> {
    if text.len() <= MAX_TEXT {
        return Ok(text);
    }
    let problem = format!("{} bytes long, at most {MAX_TEXT} are allowed", text.len());
    Err(InvalidInput::new(field, problem))
}
