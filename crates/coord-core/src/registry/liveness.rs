//! Alive, suspect, draining, dead: the rules.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::RegistryPolicy;
use crate::time::Timestamp;

/// Which registration of an agent: a later one has a higher number.
///
/// Numbers are drawn by the server and grow even when it loses its data: each is at least the
/// server's time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Incarnation(u64);

impl Incarnation {
    /// The incarnation of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The one after `last` that a server draws at `now`.
    #[must_use]
    pub fn next(last: Self, now: Timestamp) -> Self {
        Self((last.0 + 1).max(now.as_micros() / 1_000))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the registry thinks of an agent. Exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// It beats.
    Alive,
    /// Two of its beats are missing, or it vanished together with most of the others.
    Suspect,
    /// It beats, and asks for no more work.
    Draining,
    /// Its time to live is over.
    Dead,
}

impl AgentState {
    /// The name: `alive`, `suspect`, `draining`, `dead`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Draining => "draining",
            Self::Dead => "dead",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Alive, Self::Suspect, Self::Draining, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When an agent was last heard of, and when it is suspect and dead. By the server's time.
///
/// It is suspect from two intervals after its last beat on, and dead when its time to live is
/// over, which the default policy has at three intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liveness {
    /// The last beat.
    pub beat: Timestamp,
    /// From when on it is suspect.
    pub suspect_at: Timestamp,
    /// From when on it is dead.
    pub dead_at: Timestamp,
}

impl Liveness {
    /// That of an agent that beats `now`.
    pub fn beating(now: Timestamp, policy: &RegistryPolicy) -> Self {
        Self { beat: now, suspect_at: now + policy.suspect_after(), dead_at: now + policy.ttl() }
    }

    /// What to think of it at `now`.
    pub fn state(&self, now: Timestamp, draining: bool) -> AgentState {
        if now >= self.dead_at {
            AgentState::Dead
        } else if now >= self.suspect_at {
            AgentState::Suspect
        } else if draining {
            AgentState::Draining
        } else {
            AgentState::Alive
        }
    }

    /// How long ago it was heard of.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.since(self.beat)
    }
}

/// Whether so many agents are silent at once that the fault is likely not theirs: at least
/// three, and more than half of all that are known. Silent is who is suspect or overdue.
pub const fn is_mass_loss(silent: usize, known: usize) -> bool {
    silent >= 3 && silent * 2 > known
}
