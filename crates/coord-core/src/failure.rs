//! How deliveries fail, and what follows.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::InvalidInput;
use crate::time::Timestamp;

/// Why a consumer gives a message back. Exhaustive: the wire knows these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureType {
    /// May work the next time: retried with back-off.
    #[default]
    Transient,
    /// Will never work: dead-lettered at once.
    Permanent,
    /// Took too long: retried as [`FailureType::Transient`].
    Timeout,
}

impl FailureType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Timeout => "timeout",
        }
    }
}

impl std::str::FromStr for FailureType {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let all = [Self::Transient, Self::Permanent, Self::Timeout];
        all.into_iter().find(|failure| failure.as_str() == text).ok_or_else(|| {
            let problem = format!("{text:?} is none of transient, permanent, timeout");
            InvalidInput::new("failure type", problem)
        })
    }
}

/// What became of a message that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NackOutcome {
    /// It comes back.
    Retry {
        /// Failed deliveries so far.
        attempts: u32,
        /// The back-off.
        delay: Duration,
        /// When it is due, on the server's clock.
        due: Timestamp,
    },
    /// It rests in the dead-letter queue.
    DeadLettered {
        /// Failed deliveries in all.
        attempts: u32,
    },
    /// Its own expiry had passed: it is gone.
    Expired,
    /// It was cancelled meanwhile: it is gone.
    Cancelled,
}

/// The `last_error` of a message whose consumer let the reservation expire.
pub const VISIBILITY_TIMEOUT_EXPIRED: &str = "visibility timeout expired";

/// The longest `last_error` that is kept, in bytes; longer ones lose their end.
pub const MAX_ERROR_BYTES: usize = 8 * 1024;

/// `error`, cut to [`MAX_ERROR_BYTES`] at a character boundary.
///
/// A failing agent must be able to give its message back however long its trace is, so a long
/// text is cut and marked, not refused.
pub fn trim_error(error: &str) -> Cow<'_, str> {
    const MARK: &str = "... (cut)";
    if error.len() <= MAX_ERROR_BYTES {
        return Cow::Borrowed(error);
    }
    let limit = MAX_ERROR_BYTES - MARK.len();
    let end = (0..=limit).rev().find(|&at| error.is_char_boundary(at)).unwrap_or(0);
    Cow::Owned(format!("{}{MARK}", &error[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_at_a_character() {
        let long = "é".repeat(MAX_ERROR_BYTES);
        let kept = trim_error(&long);
        assert!(kept.len() <= MAX_ERROR_BYTES && kept.ends_with("é... (cut)"), "{}", kept.len());
        assert_eq!(trim_error("short"), "short");
    }
}
