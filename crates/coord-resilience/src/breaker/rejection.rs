//! What a caller gets instead of a value.

use std::time::Duration;

use super::name::BreakerName;
use super::outcome::State;

/// The breaker did not let a call pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Circuit breaker {breaker} is {}", text(*state))]
pub struct Rejected {
    /// Which breaker.
    pub breaker: BreakerName,
    /// In which state: `Open`, `HalfOpen` or `ForcedOpen`.
    pub state: State,
    /// When to try again; `None` if nobody knows.
    pub retry_after: Option<Duration>,
}

/// The original's wording; it is part of the contract with its users.
const fn text(state: State) -> &'static str {
    match state {
        State::HalfOpen => "HALF_OPEN with max calls reached",
        State::ForcedOpen => "FORCED_OPEN",
        State::Open | State::Closed | State::Disabled | State::MetricsOnly => "OPEN",
    }
}

/// Why a call through a breaker has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The breaker rejected it; the operation was not called.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The operation failed.
    #[error("{0}")]
    Inner(E),
}

impl<E> CallError<E> {
    /// The operation's error, if it was called.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}
