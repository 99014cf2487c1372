//! What a command has to say, as JSON and for people.

use coord_core::{AgentId, MessageSubscription, ReservationToken};

use crate::failure::Failure;
use crate::table::Table;

/// The answer to one command or one request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// JSON objects, each in one line.
    pub(crate) json: Vec<String>,
    /// Whether the answer is a list, which `coord pipe` writes as `items`.
    pub(crate) is_list: bool,
    pub(crate) human: Human,
    /// What went wrong after part of the work was done, or what was refused.
    pub(crate) failure: Option<Failure>,
    /// What is given back if nobody can read the answer.
    pub(crate) held: Vec<(AgentId, ReservationToken)>,
    /// What is removed when the command ends.
    pub(crate) subscription: Option<MessageSubscription>,
}

/// The answer for people.
#[derive(Debug)]
pub(crate) enum Human {
    /// Lines, already safe to show.
    Text(String),
    Table(Table),
}

impl Answer {
    /// One object.
    pub(crate) fn one(json: impl Into<String>, human: impl Into<String>) -> Self {
        Self {
            json: vec![json.into()],
            is_list: false,
            human: Human::Text(human.into()),
            failure: None,
            held: Vec::new(),
            subscription: None,
        }
    }

    /// Any number of objects.
    pub(crate) fn list(json: Vec<String>, human: Human) -> Self {
        Self { json, is_list: true, human, ..Self::one("", "") }
    }

    /// That it was done.
    pub(crate) fn ok(human: impl Into<String>) -> Self {
        Self::one(r#"{"ok":true}"#, human)
    }

    /// The same, with a failure to report after it.
    pub(crate) fn and(mut self, failure: Option<Failure>) -> Self {
        self.failure = failure;
        self
    }
}
