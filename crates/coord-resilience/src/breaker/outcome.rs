//! What a call came to, the states of a breaker, and why it changed them.

use std::fmt;
use std::time::Duration;

/// What the breaker is told about a finished call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dependency did its work.
    Success,
    /// The dependency failed.
    Failure {
        /// The dependency said how long to stay away (e.g. `Retry-After`): open at once, for
        /// this long, whatever the window says. At most 24 h.
        open_for: Option<Duration>,
    },
    /// Says nothing about the dependency (e.g. the caller's own mistake).
    Ignore,
}

impl Outcome {
    /// A failure without a hint.
    pub const FAILURE: Self = Self::Failure { open_for: None };

    /// The default classifier: `Ok` is a success, `Err` a failure.
    pub const fn of<T, E>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Success,
            Err(_) => Self::FAILURE,
        }
    }
}

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Calls pass and are counted.
    Closed = 0,
    /// Calls are rejected until the open time has passed.
    Open = 1,
    /// A few calls pass as probes.
    HalfOpen = 2,
    /// Operator: all calls are rejected.
    ForcedOpen = 3,
    /// Operator: all calls pass, nothing is decided.
    Disabled = 4,
    /// Operator: all calls pass and are counted, nothing is decided.
    MetricsOnly = 5,
}

impl State {
    /// The name in stored records: `closed`, `open`, `half_open`, `forced_open`, `disabled`,
    /// `metrics_only`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
        }
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        match bits & 7 {
            0 => Self::Closed,
            1 => Self::Open,
            2 => Self::HalfOpen,
            3 => Self::ForcedOpen,
            4 => Self::Disabled,
            _ => Self::MetricsOnly,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Failures reached `failure_threshold`.
    FailureThreshold,
    /// The failure rate of the window reached its limit.
    FailureRate,
    /// The slow-call rate of the window reached its limit.
    SlowRate,
    /// A failure carried an open-for hint.
    OpenHint,
    /// The open time has passed.
    TimeoutElapsed,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// Too many probes failed.
    ProbeFailed,
    /// A probe did not come back within `recovery_timeout`.
    ProbeLapsed,
    /// An operator asked for it.
    Operator,
    /// An operator's state expired.
    ControlExpired,
    /// The fleet's shared state changed.
    Fleet,
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state left.
    pub from: State,
    /// The state entered.
    pub to: State,
    /// When, on the breaker's clock.
    pub at: Duration,
    /// The generation entered; grows by one per transition.
    pub generation: u64,
    /// Why.
    pub cause: Cause,
}
