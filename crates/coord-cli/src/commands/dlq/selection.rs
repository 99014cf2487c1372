//! Which dead letters are meant.

use clap::Args;
use coord_core::{
    AgentId, DeadMatches, DeadSelection, MessageCoordinator, MessageId, MessageType, Page,
};
use serde::Deserialize;

use crate::cli::choice;
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::period::Period;
use crate::session::Session;

/// Conditions, all of which have to hold.
#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditions {
    /// Only messages of these ids
    #[arg(long = "id", value_name = "ID", num_args = 1..)]
    #[serde(rename = "message_ids", default, deserialize_with = "field::list")]
    ids: Vec<MessageId>,

    /// Only those whose last error contains this text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,

    /// Only messages of this type
    #[arg(long = "type", value_name = "TYPE",
          value_parser = choice::<MessageType>(["request", "response", "event"]))]
    #[serde(rename = "type", default, deserialize_with = "field::optional")]
    kind: Option<MessageType>,

    /// Only messages of this sender
    #[arg(long, value_name = "AGENT")]
    #[serde(default, deserialize_with = "field::optional_agent")]
    from: Option<AgentId>,

    /// Only those that have been dead for longer than this (not on the tta layout)
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    older_than: Option<Period>,

    /// Only those that failed at least N times
    #[arg(long, value_name = "N")]
    min_attempts: Option<u32>,
}

impl Conditions {
    /// Everything that fits them.
    pub(super) fn selection(self) -> DeadSelection {
        let mut selection = DeadSelection::all();
        if !self.ids.is_empty() {
            selection = selection.with_ids(self.ids);
        }
        if let Some(text) = self.error {
            selection = selection.with_error(text);
        }
        if let Some(kind) = self.kind {
            selection = selection.with_type(kind);
        }
        if let Some(sender) = self.from {
            selection = selection.with_sender(sender);
        }
        if let Some(Period(age)) = self.older_than {
            selection = selection.with_older_than(age);
        }
        if let Some(least) = self.min_attempts {
            selection = selection.with_attempts(least..=u32::MAX);
        }
        selection
    }

    /// The same, where none at all has to be said by `all`.
    pub(super) fn or_all(self, all: bool) -> Result<DeadSelection, Failure> {
        let selection = self.selection();
        match (selection.is_all(), all) {
            (false, false) | (true, true) => Ok(selection),
            (true, false) => {
                Err(Failure::usage("say which dead letters: by conditions, or all of them"))
            }
            (false, true) => Err(Failure::usage("conditions and all exclude each other")),
        }
    }
}

/// What is meant, with as many as a page shows.
pub(super) async fn find(
    agent: &AgentId,
    selection: &DeadSelection,
    session: &Session,
) -> Result<DeadMatches, Failure> {
    let page = Page::first(Page::MAX_LIMIT);
    Ok(session.mail.find_dead_letters(agent, selection, page).await?)
}

/// The answer to a dry run: how many under `name`, and the ids of the first thousand.
pub(super) fn dry_run(name: &str, count: u64, found: &DeadMatches) -> String {
    let ids = found.letters.iter().filter_map(|letter| letter.message_id());
    let ids: Vec<String> = ids.map(|id| json::string(id.as_str())).collect();
    format!(r#"{{"{name}":{count},"message_ids":[{}]}}"#, ids.join(","))
}

pub(super) fn nothing(agent: &AgentId) -> Failure {
    let why = format!("nothing to do: no such dead letter of {agent}");
    Failure::new(Kind::Empty, why).with_advice(&format!("`coord dlq list {agent}` shows them"))
}
