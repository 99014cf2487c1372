//! How long an agent lives without a beat, and how often it beats.

use std::time::Duration;

use crate::error::InvalidInput;

/// How long an agent lives without a beat, and how often it beats.
///
/// # Defaults
/// Time to live 30 s; interval a third of it, at least 1 s, but at most half of it: who lives
/// for a second must not beat once a second, as the original would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryPolicy {
    ttl: Duration,
    interval: Option<Duration>,
}

impl RegistryPolicy {
    /// The longest time to live: a week.
    pub const MAX_TTL: Duration = Duration::from_secs(7 * 86_400);

    /// The defaults.
    pub const fn new() -> Self {
        Self { ttl: Duration::from_secs(30), interval: None }
    }

    /// Another time to live.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Another interval between beats.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// How long an agent lives without a beat.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How often an agent beats.
    pub fn interval(&self) -> Duration {
        let usual = (self.ttl / 3).max(Duration::from_secs(1)).min(self.ttl / 2);
        self.interval.unwrap_or(usual)
    }

    /// After which silence an agent is suspect: two intervals, at most its time to live.
    pub fn suspect_after(&self) -> Duration {
        (self.interval() * 2).min(self.ttl)
    }

    /// Checks both fields.
    ///
    /// # Errors
    /// [`InvalidInput`] about `ttl` (1 ms to [`RegistryPolicy::MAX_TTL`]) or `interval` (1 ms to
    /// the same).
    pub fn validate(&self) -> Result<(), InvalidInput> {
        let limits = Duration::from_millis(1)..=Self::MAX_TTL;
        for (field, value) in [("ttl", self.ttl), ("interval", self.interval())] {
            if !limits.contains(&value) {
                let problem = format!("{value:?}, must be 1ms to 7 days");
                return Err(InvalidInput::new(field, problem));
            }
        }
        Ok(())
    }
}

impl Default for RegistryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
