//! The answers of the state machine.

use std::time::Duration;

use super::outcome::State;

/// The right to make one call, to be handed back with its outcome.
///
/// It is bound to the generation that admitted it: a result from an earlier generation changes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) generation: u64,
    /// Serial of the probe; 0 for an ordinary call.
    pub(crate) probe: u64,
}

/// Why [`Machine::try_acquire`](super::Machine::try_acquire) said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `Open`, `HalfOpen` or `ForcedOpen`.
    pub state: State,
    /// When to try again; `None` if nobody knows.
    pub retry_after: Option<Duration>,
}
