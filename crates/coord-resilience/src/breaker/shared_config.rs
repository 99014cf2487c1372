//! The configuration of a shared breaker.

use std::time::Duration;

use crate::error::ConfigError;

/// The numbers of a shared breaker.
///
/// # Defaults
/// quorum 1, `vote_ttl` 60 s, `probe_lease` 30 s, poll 1 s, `store_budget` 250 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedConfig {
    pub(crate) quorum: u32,
    pub(crate) vote_ttl: Duration,
    pub(crate) probe_lease: Duration,
    pub(crate) poll: Duration,
    pub(crate) store_budget: Duration,
}

impl SharedConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            quorum: 1,
            vote_ttl: Duration::from_secs(60),
            probe_lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            store_budget: Duration::from_millis(250),
        }
    }

    /// Votes that open the fleet, 1 to 1 000. Default 1.
    #[must_use]
    pub const fn with_quorum(mut self, votes: u32) -> Self {
        self.quorum = votes;
        self
    }

    /// How long a vote lives; at least twice `poll`, at most 24 h. Default 60 s.
    #[must_use]
    pub const fn with_vote_ttl(mut self, ttl: Duration) -> Self {
        self.vote_ttl = ttl;
        self
    }

    /// How long a probe permit lives, 1 ms to 24 h. Default 30 s.
    #[must_use]
    pub const fn with_probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = lease;
        self
    }

    /// How often the store is asked even without news, 1 ms to 1 h. Default 1 s.
    #[must_use]
    pub const fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// How long one answer of the store may take, 1 ms to 60 s. Default 250 ms.
    #[must_use]
    pub const fn with_store_budget(mut self, budget: Duration) -> Self {
        self.store_budget = budget;
        self
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let (ms, day) = (Duration::from_millis(1), Duration::from_secs(24 * 3600));
        ConfigError::range("quorum", self.quorum, 1, 1_000)?;
        ConfigError::range("poll", self.poll, ms, Duration::from_secs(3600))?;
        ConfigError::range("vote_ttl", self.vote_ttl, self.poll * 2, day)?;
        ConfigError::range("probe_lease", self.probe_lease, ms, day)?;
        ConfigError::range("store_budget", self.store_budget, ms, Duration::from_secs(60))
    }
}

impl Default for SharedConfig {
    fn default() -> Self {
        Self::new()
    }
}
