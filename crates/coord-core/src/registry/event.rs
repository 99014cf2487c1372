//! What happened to agents, in order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::liveness::{AgentState, Incarnation};
use crate::agent::AgentId;
use crate::time::Timestamp;

/// What happened. More kinds may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistryEventKind {
    /// It registered, or its lost record came back with a beat.
    Registered,
    /// Its status or state is another one; counters alone are no change.
    StatusChanged,
    /// It asks for no more work.
    Draining,
    /// It said goodbye.
    Deregistered,
    /// It vanished without a word.
    Expired,
}

impl RegistryEventKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Registered, Self::StatusChanged, Self::Draining, Self::Deregistered, Self::Expired];

    /// The name, e.g. `status_changed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::StatusChanged => "status_changed",
            Self::Draining => "draining",
            Self::Deregistered => "deregistered",
            Self::Expired => "expired",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for RegistryEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that happened to one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RegistryEvent {
    /// Counts up by one from event to event, in one epoch.
    pub seq: u64,
    /// What happened.
    pub kind: RegistryEventKind,
    /// To whom.
    pub agent_id: AgentId,
    /// To which registration; none for an agent that another program registered.
    pub incarnation: Option<Incarnation>,
    /// What it is now.
    pub state: AgentState,
    /// What it does now: `idle`, `busy`, `error`; empty if unknown.
    pub status: String,
    /// When, by the server's time.
    pub at: Timestamp,
}

impl RegistryEvent {
    /// An event; adapters make them.
    pub const fn new(
        seq: u64,
        kind: RegistryEventKind,
        agent_id: AgentId,
        incarnation: Option<Incarnation>,
        state: AgentState,
        status: String,
        at: Timestamp,
    ) -> Self {
        Self { seq, kind, agent_id, incarnation, state, status, at }
    }
}

/// How far a reader of events has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// Which log: another one after the server lost its data.
    pub epoch: String,
    /// The last event that was read.
    pub seq: u64,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Where the log stands: its epoch and its last event.
    pub head: EventCursor,
    /// The events after the cursor that was given, oldest first, at most as many as asked for.
    /// Empty if the cursor is of another epoch.
    pub events: Vec<RegistryEvent>,
}
