//! How often, how long and how patiently to retry: [`RetryPolicy`], and the [`Class`] of a result.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::error::ConfigError;

/// What a result means for retrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Trying again cannot help.
    Permanent,
    /// Trying again may help.
    Transient,
    /// The dependency asks for patience.
    Throttled {
        /// For how long, if it said so. The wait is at least this.
        retry_after: Option<Duration>,
    },
}

/// The limits of a retried operation.
///
/// # Defaults
/// 3 retries (so 4 attempts), the default [`Backoff`] (1 s, factor 2, cap 60 s, full jitter), no
/// deadline, no attempt time-out, `max_retry_after` 300 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) backoff: Backoff,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) max_retry_after: Duration,
}

impl RetryPolicy {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_retries: 3,
            backoff: Backoff::new(),
            deadline: None,
            attempt_timeout: None,
            max_retry_after: Duration::from_secs(300),
        }
    }

    /// Attempts after the first; 0 tries once. Default 3.
    #[must_use]
    pub const fn with_max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The delays between attempts.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Time for everything from the start of the run: attempts, waits and waits for a breaker.
    ///
    /// An async attempt is dropped at the deadline; a blocking one cannot be, but no further one
    /// begins. A wait that would not end before the deadline is not begun. Default none.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Time for one async attempt, which is then dropped and counts as a transient failure.
    /// Blocking attempts cannot be cut and ignore it. Default none.
    #[must_use]
    pub const fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// The longest `retry_after` that is waited for; a longer one ends the run. Default 300 s.
    #[must_use]
    pub const fn with_max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// Checks the values.
    ///
    /// # Errors
    /// [`ConfigError`] for an invalid backoff, a deadline or attempt time-out of zero.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.backoff.validate()?;
        positive("deadline", self.deadline)?;
        positive("attempt_timeout", self.attempt_timeout)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

fn positive(field: &'static str, value: Option<Duration>) -> Result<(), ConfigError> {
    match value {
        Some(Duration::ZERO) => Err(ConfigError::new(field, Duration::ZERO, "above 0")),
        _ => Ok(()),
    }
}
