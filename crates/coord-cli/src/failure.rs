//! Why a command did not do what was asked: one line, one exit status.

use std::error::Error as StdError;
use std::io;

use coord_core::registry::RegistryError;
use coord_core::{
    AdminError, BackendError, BackendErrorKind, InvalidInput, ReceiveError, SendError, SettleError,
    Unsupported,
};
use coord_redis::ConnectError;

/// What kind of failure it is; the word is the `kind` of `coord pipe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    QueueFull,
    HopLimit,
    NoQuorum,
    NotReserved,
    TooManyNotes,
    ReservationLost,
    Superseded,
    Empty,
    UnknownAgent,
    UnknownBreaker,
    UnknownMessage,
    Unreachable,
    Unavailable,
    OutcomeUnknown,
    Denied,
    Unsupported,
    Incompatible,
    Corrupt,
    /// The doctor found a problem.
    Unhealthy,
    Io,
    /// Whoever read our output has gone: not worth a word.
    Closed,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::QueueFull => "queue_full",
            Self::HopLimit => "hop_limit",
            Self::NoQuorum => "no_quorum",
            Self::NotReserved => "not_reserved",
            Self::TooManyNotes => "too_many_notes",
            Self::ReservationLost => "reservation_lost",
            Self::Superseded => "superseded",
            Self::Empty => "empty",
            Self::UnknownAgent => "unknown_agent",
            Self::UnknownBreaker => "unknown_breaker",
            Self::UnknownMessage => "unknown_message",
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Denied => "denied",
            Self::Unsupported => "unsupported",
            Self::Incompatible => "incompatible",
            Self::Corrupt => "corrupt",
            Self::Unhealthy => "unhealthy",
            Self::Io => "io",
            Self::Closed => "closed",
        }
    }

    /// The exit status of the process.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Unreachable
            | Self::Unavailable
            | Self::OutcomeUnknown
            | Self::Denied
            | Self::Unsupported
            | Self::Incompatible
            | Self::Corrupt
            | Self::Unhealthy
            | Self::Io => 1,
            Self::Usage => 2,
            Self::QueueFull
            | Self::HopLimit
            | Self::NoQuorum
            | Self::NotReserved
            | Self::TooManyNotes
            | Self::ReservationLost
            | Self::Superseded => 3,
            Self::Empty | Self::UnknownAgent | Self::UnknownBreaker | Self::UnknownMessage => 4,
        }
    }
}

/// A failure: what happened, why, and what to try, in one line.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// The errors below it, outermost first.
    pub(crate) causes: Vec<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure of reading or writing while `doing`; a reader that has gone is no failure.
    pub(crate) fn io(doing: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::Closed, "the output was closed"),
            _ => Self::new(Kind::Io, format!("{doing}: {error}")),
        }
    }

    /// The same with something more to try.
    pub(crate) fn with_advice(mut self, advice: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(advice);
        self
    }
}

impl From<InvalidInput> for Failure {
    fn from(error: InvalidInput) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Unsupported> for Failure {
    fn from(error: Unsupported) -> Self {
        Self::usage(format!("{error}; leave the option out or choose the other --layout"))
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let kind = match error.kind() {
            BackendErrorKind::Unreachable => Kind::Unreachable,
            BackendErrorKind::Unavailable => Kind::Unavailable,
            BackendErrorKind::OutcomeUnknown => Kind::OutcomeUnknown,
            BackendErrorKind::Denied => Kind::Denied,
            BackendErrorKind::Unsupported => Kind::Unsupported,
            BackendErrorKind::Incompatible => Kind::Incompatible,
            // Corrupt, and kinds yet to come.
            _ => Kind::Corrupt,
        };
        let mut failure = Self::new(kind, error.to_string());
        let mut cause = error.source();
        while let Some(inner) = cause {
            failure.causes.push(inner.to_string());
            cause = inner.source();
        }
        failure
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Invalid(error) => error.into(),
            ConnectError::Backend(error) => error.into(),
            other => Self::new(Kind::Unreachable, other.to_string()),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Invalid(error) => error.into(),
            SendError::Unsupported(error) => error.into(),
            SendError::Backend(error) => error.into(),
            other => Self::new(Kind::Corrupt, other.to_string()),
        }
    }
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Invalid(error) => error.into(),
            ReceiveError::Backend(error) if error.is_outcome_unknown() => Self::from(error)
                .with_advice("a message may be reserved until its visibility timeout ends"),
            ReceiveError::Backend(error) => error.into(),
            other => Self::new(Kind::Corrupt, other.to_string()),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Superseded { .. } => Self::new(Kind::Superseded, error.to_string()),
            RegistryError::UnknownAgent { .. } => Self::new(Kind::UnknownAgent, error.to_string()),
            RegistryError::Invalid(error) => error.into(),
            RegistryError::Backend(error) => error.into(),
            other => Self::new(Kind::Corrupt, other.to_string()),
        }
    }
}

impl From<SettleError> for Failure {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::ReservationLost { .. } => {
                Self::new(Kind::ReservationLost, format!("{error}; receive it again"))
            }
            SettleError::Invalid(error) => error.into(),
            SettleError::Unsupported(error) => error.into(),
            SettleError::Backend(error) if error.is_outcome_unknown() => {
                Self::from(error).with_advice("trying again is safe")
            }
            SettleError::Backend(error) => error.into(),
            other => Self::new(Kind::Corrupt, other.to_string()),
        }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(error) => error.into(),
            AdminError::Unsupported(error) => error.into(),
            AdminError::Backend(error) => error.into(),
            other => Self::new(Kind::Corrupt, other.to_string()),
        }
    }
}
