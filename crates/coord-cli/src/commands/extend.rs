//! `coord extend`: keeps a reserved message longer.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, ReservationToken};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::field;
use crate::json;
use crate::period::Period;
use crate::session::Session;
use crate::table::printable;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The token that `receive` gave
    #[serde(deserialize_with = "field::parsed")]
    token: ReservationToken,
    /// How long from now
    #[arg(value_name = "DURATION")]
    #[serde(deserialize_with = "field::parsed")]
    visibility: Period,
}

pub(super) async fn run(args: ExtendArgs, session: &Session) -> Result<Answer, Failure> {
    let extended = session.mail.extend(&args.agent, &args.token, args.visibility.0).await?;
    let (deadline, is_cancelled) = (extended.deadline, extended.is_cancelled);
    let notes: Vec<String> = extended.notes.iter().map(|note| json::string(note)).collect();
    let line = format!(
        r#"{{"ok":true,"visibility_deadline":"{deadline}","cancelled":{is_cancelled},"notes":[{}]}}"#,
        notes.join(",")
    );
    let mut human = format!("extended {} until {deadline}", args.token);
    if is_cancelled {
        human.push_str("\nit is cancelled: nobody wants it any more");
    }
    for note in &extended.notes {
        human.push_str(&format!("\nnote  {}", printable(note)));
    }
    Ok(Answer::one(line, human))
}
