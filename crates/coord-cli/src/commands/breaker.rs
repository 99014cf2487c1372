//! `coord breaker`: the circuit breakers that fleets share.

mod order;
mod shown;

use clap::{Args, Subcommand};
use coord_redis::RedisBreakerStore;
use coord_redis::breaker::BreakerReport;
use coord_resilience::breaker::{BreakerName, StoreError};
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use self::order::{HoldArgs, ResetArgs};
use self::shown::Shown;
use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field::{self, Fields};
use crate::session::Session;
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct BreakerArgs {
    #[command(subcommand)]
    verb: BreakerVerb,
}

#[derive(Debug, Subcommand)]
enum BreakerVerb {
    /// List all breakers
    List(ListArgs),
    /// Show one breaker
    Show(NameArgs),
    /// Reject all calls of the fleet, until `reset` or for a time
    Open(HoldArgs),
    /// Let all calls of the fleet pass, whatever fails, until `reset` or for a time
    Close(HoldArgs),
    /// Let the fleet decide again, beginning with CLOSED
    Reset(ResetArgs),
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListArgs {}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameArgs {
    /// The breaker
    #[serde(deserialize_with = "field::parsed")]
    name: BreakerName,
}

/// How many breakers are looked up at once.
const AT_ONCE: usize = 100;

impl BreakerArgs {
    /// A request of `coord pipe`; `None` for an op that is none of these.
    pub(super) fn from_fields(op: &str, fields: &Fields) -> Option<Result<Self, Failure>> {
        let verb = match op {
            "breaker list" => field::options(fields).map(BreakerVerb::List),
            "breaker show" => field::options(fields).map(BreakerVerb::Show),
            "breaker open" => field::options(fields).map(BreakerVerb::Open),
            "breaker close" => field::options(fields).map(BreakerVerb::Close),
            "breaker reset" => field::options(fields).map(BreakerVerb::Reset),
            _ => return None,
        };
        Some(verb.map(|verb| Self { verb }))
    }
}

pub(super) async fn run(args: BreakerArgs, session: &Session) -> Result<Answer, Failure> {
    let store = RedisBreakerStore::connect(session.config.clone()).await?;
    match args.verb {
        BreakerVerb::List(ListArgs {}) => list(&store).await,
        BreakerVerb::Show(args) => {
            let shown = Shown::new(args.name.clone(), known(&store, &args.name).await?);
            Ok(Answer::one(shown.line(), shown.text()))
        }
        BreakerVerb::Open(args) => order::open(args, &store).await,
        BreakerVerb::Close(args) => order::close(args, &store).await,
        BreakerVerb::Reset(args) => order::reset(args, &store).await,
    }
}

async fn list(store: &RedisBreakerStore) -> Result<Answer, Failure> {
    let names = store.names().await.map_err(of_store)?;
    if names.is_empty() {
        let why = "no breaker under this prefix; check --redis, --layout and --prefix";
        return Err(Failure::new(Kind::Empty, why));
    }
    let look_up = |name: BreakerName| async {
        let report = store.report_of(&name).await.map_err(|error| failed(&name, error));
        (name, report)
    };
    let mut found = stream::iter(names).map(look_up).buffered(AT_ONCE);
    let (mut lines, mut table, mut unreadable) = (Vec::new(), Table::new(&shown::HEADER), None);
    while let Some((name, report)) = found.next().await {
        match report {
            Ok(report) => {
                let shown = Shown::new(name, report);
                lines.push(shown.line());
                table.row(&shown.cells());
            }
            // One that cannot be read hides none of the others.
            Err(failure) if failure.kind == Kind::Corrupt => unreadable = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Answer::list(lines, Human::Table(table)).and(unreadable))
}

/// What is known of a breaker, which must be something.
async fn known(store: &RedisBreakerStore, name: &BreakerName) -> Result<BreakerReport, Failure> {
    let report = store.report_of(name).await.map_err(|error| failed(name, error))?;
    if report.is_known {
        return Ok(report);
    }
    let why = format!("unknown breaker {name}: none of that name under this prefix");
    Err(Failure::new(Kind::UnknownBreaker, why).with_advice("`coord breaker list` lists all"))
}

/// A failure of asking about one breaker, which it names if what lies there cannot be read.
fn failed(name: &BreakerName, error: StoreError) -> Failure {
    let failure = of_store(error);
    match failure.kind {
        Kind::Corrupt => {
            Failure { message: format!("breaker {name}: {}", failure.message), ..failure }
        }
        _ => failure,
    }
}

fn of_store(error: StoreError) -> Failure {
    match error {
        StoreError::Unavailable(source) => match source.downcast::<coord_core::BackendError>() {
            Ok(error) => (*error).into(),
            Err(other) => Failure::new(Kind::Unavailable, other.to_string()),
        },
        other => Failure::new(Kind::Unavailable, other.to_string()),
    }
}
