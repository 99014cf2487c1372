//! `coord dlq redrive`: puts dead letters back to ready.

use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use coord_core::{AgentId, DeadSelection, MessageCoordinator, RedriveRate};
use serde::Deserialize;

use super::selection::{Conditions, dry_run, find, nothing};
use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::field::{self, Fields};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    conditions: Conditions,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// All dead letters
    #[arg(long)]
    #[serde(default)]
    all: bool,

    /// At most so many in a second, for example 10/s
    #[arg(long, value_name = "N/s")]
    #[serde(default, deserialize_with = "field::optional")]
    rate: Option<RedriveRate>,

    /// Only tell how many and which
    #[arg(long)]
    #[serde(default)]
    dry_run: bool,
}

impl RedriveArgs {
    pub(super) fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let own = field::split(fields, &["agent", "all", "rate", "dry_run"]);
        Ok(Self { options: field::options(&own)?, conditions: field::options(fields)? })
    }
}

pub(super) async fn run(args: RedriveArgs, session: &Session) -> Result<Answer, Failure> {
    let (options, agent) = (&args.options, &args.options.agent);
    let selection = args.conditions.or_all(options.all)?;
    let found = find(agent, &selection, session).await?;
    let count = found.readable;
    if count == 0 {
        return Err(nothing(agent));
    }
    if options.dry_run {
        let human = format!("would put back {count} dead letters of {agent}");
        return Ok(Answer::one(dry_run("would_redrive", count, &found), human));
    }
    let redriven = redrive(agent, &selection, count, options.rate, session).await?;
    let json = format!(r#"{{"redriven":{redriven}}}"#);
    let human = format!("put back {redriven} of {count} dead letters of {agent}");
    let refused = redriven < count && !session.interrupt.is_asked();
    let failure = refused.then(|| {
        let why = format!("{} of {count} dead letters stay: {agent} is full", count - redriven);
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
    rate: Option<RedriveRate>,
    session: &Session,
) -> Result<u64, Failure> {
    let Some(rate) = rate else {
        return Ok(session.mail.redrive(agent, selection, limit).await?);
    };
    let moved = AtomicU64::new(0);
    tokio::select! {
        done = session.mail.redrive_paced(agent, selection, limit, rate, &moved) => Ok(done?),
        () = session.interrupt.asked() => Ok(moved.load(Ordering::Relaxed)),
    }
}
