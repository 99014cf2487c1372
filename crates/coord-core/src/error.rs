//! Errors: bad input, refusals, infrastructure failures and unknown outcomes, kept apart.

use std::error::Error as StdError;
use std::fmt;

use thiserror::Error;

/// A value that this library does not accept: which field, and what its limit is.
///
/// Nothing was written. Sending the same value again fails again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid {field}: {problem}")]
pub struct InvalidInput {
    field: &'static str,
    problem: String,
}

impl InvalidInput {
    /// An error about `field`; `problem` says what is wrong and names the limit.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }

    /// The field that was refused.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// What is wrong with it, with the limit.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// What kind of infrastructure failure a [`BackendError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// The server was not reached; the operation certainly did not run.
    Unreachable,
    /// The server answered that it cannot serve now (loading, no master, read-only replica,
    /// a script is busy); the operation certainly did not run.
    Unavailable,
    /// The connection failed or timed out after the operation was sent: it **may have run**.
    OutcomeUnknown,
    /// The server refused for good: rights, memory, wrong password. It did not run.
    Denied,
    /// The server is too old or lacks something this library needs.
    Unsupported,
    /// The data under the prefix belongs to another layout or data model version.
    Incompatible,
    /// A reply or stored value was not of the expected form.
    Corrupt,
}

/// When trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryHint {
    /// Not without changing something first.
    Never,
    /// At once; the condition is already gone.
    Now,
    /// After a pause that grows.
    AfterBackoff,
    /// After a new connection was made (the library does so by itself on the next call).
    Reconnect,
}

impl BackendErrorKind {
    /// When trying again makes sense.
    ///
    /// [`BackendErrorKind::OutcomeUnknown`] says `Never`: a blind retry could do the work twice.
    /// A send with a dedup window, and every settle, is safe to repeat nevertheless.
    pub const fn retry(self) -> RetryHint {
        match self {
            Self::Unreachable => RetryHint::Reconnect,
            Self::Unavailable => RetryHint::AfterBackoff,
            Self::OutcomeUnknown
            | Self::Denied
            | Self::Unsupported
            | Self::Incompatible
            | Self::Corrupt => RetryHint::Never,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "backend unreachable",
            Self::Unavailable => "backend unavailable",
            Self::OutcomeUnknown => "outcome unknown",
            Self::Denied => "backend denied the operation",
            Self::Unsupported => "backend unsupported",
            Self::Incompatible => "incompatible data",
            Self::Corrupt => "corrupt reply or data",
        }
    }
}

/// An infrastructure failure, opaque but for its kind.
///
/// The text says what happened, why, and what to try; the client library's own error is the
/// [`source`](StdError::source).
#[derive(Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl BackendError {
    /// A failure of `kind`; `message` says what happened and what to try.
    pub fn new(kind: BackendErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    /// When trying again makes sense.
    pub const fn retry(&self) -> RetryHint {
        self.kind.retry()
    }

    /// Whether the operation may have run although it answered an error.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self.kind, BackendErrorKind::OutcomeUnknown)
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.text(), self.message)
    }
}

impl StdError for BackendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Something that a key layout or an adapter cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{feature} is not supported {place}")]
pub struct Unsupported {
    /// What was asked for.
    pub feature: &'static str,
    /// Where it is missing, e.g. `by the tta layout`.
    pub place: &'static str,
}

/// Why a send, broadcast, publish or forward failed as a whole.
///
/// A full mailbox is not an error but a [`MessageResult`](crate::MessageResult) that was not
/// delivered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// An argument is not acceptable; nothing was written.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// An option that this adapter cannot carry; nothing was written.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The infrastructure failed; see [`BackendError::is_outcome_unknown`].
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Why a receive failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// An argument is not acceptable; nothing was reserved.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The adapter cannot do this; nothing was reserved.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The infrastructure failed. If the outcome is unknown a message may be reserved under a
    /// token nobody knows: it comes back when its visibility timeout ends.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Why an ack, nack, extend or release failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettleError {
    /// Nothing is reserved under this token: it was settled before, or its deadline passed and
    /// the message was taken back. Nothing was changed.
    #[error(
        "reservation lost: {token} holds no message of {agent}; it was settled before or expired and was taken back"
    )]
    ReservationLost {
        /// The mailbox.
        agent: String,
        /// The token that holds nothing.
        token: String,
    },
    /// An argument is not acceptable; nothing was changed.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// An option that this adapter cannot carry; nothing was changed.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The infrastructure failed. Settling again under the same token is always safe.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl From<SendError> for SettleError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Invalid(error) => Self::Invalid(error),
            SendError::Unsupported(error) => Self::Unsupported(error),
            SendError::Backend(error) => Self::Backend(error),
        }
    }
}

impl SettleError {
    /// Whether the reservation is lost, as opposed to a failure to ask.
    pub const fn is_reservation_lost(&self) -> bool {
        matches!(self, Self::ReservationLost { .. })
    }
}

/// What looking at or administering a mailbox gives.
pub type AdminResult<T> = Result<T, AdminError>;

/// Why looking at or administering a mailbox failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// An argument is not acceptable; nothing was changed.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// An operation that this adapter does not have.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The infrastructure failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}
