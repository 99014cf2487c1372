//! The error of a run that gave up.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a run gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The last error was permanent.
    Permanent,
    /// No attempts were left.
    Attempts,
    /// The deadline passed, or the next wait would not have ended before it.
    Deadline,
    /// The retry budget was used up.
    Budget,
    /// The circuit breaker did not admit the call in time.
    Circuit,
    /// The dependency asked for a longer wait than `max_retry_after`.
    RetryAfter,
}

/// A run gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryError<E> {
    /// Why.
    pub reason: Reason,
    /// Attempts made; 0 if the breaker admitted none.
    pub attempts: u32,
    /// Attempts cut by the attempt time-out or the deadline.
    pub timeouts: u32,
    /// Time from the first wait (or from the start, where a deadline is set) to the end.
    pub elapsed: Duration,
    /// When the dependency or its breaker may be tried again, if it said so.
    pub retry_after: Option<Duration>,
    /// The latest error of the operation; `None` if every attempt was cut or none was made.
    pub last: Option<E>,
}

impl<E> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            Reason::Permanent => "the error is permanent",
            Reason::Attempts => "no attempts are left",
            Reason::Deadline => "the deadline is reached",
            Reason::Budget => "the retry budget is used up",
            Reason::Circuit => "the circuit breaker admits no call in time",
            Reason::RetryAfter => "the dependency asks for too long a wait",
        };
        let (n, elapsed) = (self.attempts, self.elapsed);
        let s = if n == 1 { "" } else { "s" };
        write!(f, "gave up after {n} attempt{s} in {elapsed:?}: {why}")
    }
}

impl<E: Error + 'static> Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last.as_ref().map(|error| error as _)
    }
}
