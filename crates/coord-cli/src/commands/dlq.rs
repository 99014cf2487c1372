//! `coord dlq`: dead letters.

mod purge;
mod redrive;
mod selection;

use clap::{Args, Subcommand};
use coord_core::{AgentId, DeadBody, DeadLetter, MessageCoordinator};
use serde::Deserialize;

use self::selection::Conditions;
use super::peek::page;
use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field::{self, Fields};
use crate::json;
use crate::session::Session;
use crate::table::{Table, shortened};

#[derive(Debug, Args)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    verb: DlqVerb,
}

#[derive(Debug, Subcommand)]
enum DlqVerb {
    /// List dead letters, oldest first
    List(ListArgs),
    /// Put dead letters back to ready, with their attempts reset
    Redrive(redrive::RedriveArgs),
    /// Delete dead letters
    Purge(purge::PurgeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    options: ListOptions,
    #[command(flatten)]
    conditions: Conditions,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListOptions {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// Show up to N dead letters [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    max: Option<u32>,

    /// Pass over the first N
    #[arg(long, value_name = "N")]
    offset: Option<u64>,
}

impl ListArgs {
    fn from_fields(fields: &mut Fields) -> Result<Self, Failure> {
        let own = field::split(fields, &["agent", "max", "offset"]);
        Ok(Self { options: field::options(&own)?, conditions: field::options(fields)? })
    }
}

impl DlqArgs {
    /// A request of `coord pipe`; `None` for an op that is none of these.
    pub(super) fn from_fields(op: &str, fields: &mut Fields) -> Option<Result<Self, Failure>> {
        let verb = match op {
            "dlq list" => ListArgs::from_fields(fields).map(DlqVerb::List),
            "dlq redrive" => redrive::RedriveArgs::from_fields(fields).map(DlqVerb::Redrive),
            "dlq purge" => purge::PurgeArgs::from_fields(fields).map(DlqVerb::Purge),
            _ => return None,
        };
        Some(verb.map(|verb| Self { verb }))
    }

    /// Whether it may take longer than a few answers of the server.
    pub(super) const fn waits(&self) -> bool {
        matches!(self.verb, DlqVerb::Redrive(_))
    }
}

const HEADER: [&str; 7] = ["DIED", "MESSAGE", "TYPE", "FROM", ">ATTEMPTS", "LAST ERROR", "PAYLOAD"];

pub(super) async fn run(args: DlqArgs, session: &Session) -> Result<Answer, Failure> {
    match args.verb {
        DlqVerb::List(args) => list(args, session).await,
        DlqVerb::Redrive(args) => redrive::run(args, session).await,
        DlqVerb::Purge(args) => purge::run(args, session).await,
    }
}

async fn list(args: ListArgs, session: &Session) -> Result<Answer, Failure> {
    let ListOptions { agent, max, offset } = args.options;
    let (page, selection) = (page(max, offset)?, args.conditions.selection());
    let letters = if selection.is_all() {
        session.mail.dead_letters(&agent, page).await?
    } else {
        session.mail.find_dead_letters(&agent, &selection, page).await?.letters
    };
    let mut table = Table::new(&HEADER);
    for letter in &letters {
        table.row(&cells(letter));
    }
    let failure = letters.is_empty().then(|| {
        let such = if selection.is_all() { "" } else { "such " };
        let why = format!("no {such}dead letter of {agent} from number {} on", page.offset);
        Failure::new(Kind::Empty, why)
    });
    let human = if letters.is_empty() { Human::Text(String::new()) } else { Human::Table(table) };
    Ok(Answer::list(letters.iter().map(line).collect(), human).and(failure))
}

fn line(letter: &DeadLetter) -> String {
    let died = json::optional(letter.died_at.map(|at| at.to_string()).as_deref());
    match &letter.body {
        DeadBody::Message(queued) => {
            let wire = queued.to_wire();
            format!(r#"{{"died_at":{died},"queue_message":{}}}"#, json::one_line(&wire))
        }
        DeadBody::Unreadable { raw, reason } => {
            let (raw, reason) = (json::string(raw), json::string(reason));
            format!(r#"{{"died_at":{died},"queue_message":null,"raw":{raw},"reason":{reason}}}"#)
        }
    }
}

fn cells(letter: &DeadLetter) -> [String; 7] {
    let died = letter.died_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let [message, kind, from, attempts, error, payload] = match &letter.body {
        DeadBody::Message(queued) => [
            queued.message.message_id.to_string(),
            queued.message.message_type.as_str().to_owned(),
            queued.message.sender.to_string(),
            queued.delivery_attempts.to_string(),
            queued.last_error.clone().unwrap_or_else(|| "-".to_owned()),
            queued.message.payload.as_json().to_owned(),
        ],
        DeadBody::Unreadable { raw, reason } => {
            let unknown = || "-".to_owned();
            [unknown(), unknown(), unknown(), unknown(), reason.clone(), raw.clone()]
        }
    };
    [died, message, kind, from, attempts, shortened(&error, 40), shortened(&payload, 60)]
}
