//! A budget that keeps retries from multiplying an outage.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::retry::Class;
use crate::sync::{AtomicU64, Ordering};

/// A token bucket for retries. Clones share it, so call sites of one dependency can.
///
/// A retry takes its cost or does not happen. Its success gives the cost back, and a call that
/// succeeds at once gives 1; failures give nothing. So in an outage retries dry up after about
/// `capacity / cost`, whatever the number of callers.
///
/// # Defaults
/// capacity 500, full at first; a transient retry costs 14, a throttled one 5.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    tokens: Arc<AtomicU64>,
    capacity: u64,
    transient: u64,
    throttled: u64,
}

impl RetryBudget {
    /// A full budget with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self { tokens: Arc::new(AtomicU64::new(500)), capacity: 500, transient: 14, throttled: 5 }
    }

    /// A full budget of `capacity` tokens, and what a transient and a throttled retry cost.
    ///
    /// # Errors
    /// [`ConfigError`] unless each cost is between 1 and the capacity, at most 1 000 000 000.
    pub fn with_costs(capacity: u64, transient: u64, throttled: u64) -> Result<Self, ConfigError> {
        ConfigError::range("capacity", capacity, 1, 1_000_000_000)?;
        ConfigError::range("transient", transient, 1, capacity)?;
        ConfigError::range("throttled", throttled, 1, capacity)?;
        Ok(Self { tokens: Arc::new(AtomicU64::new(capacity)), capacity, transient, throttled })
    }

    /// Tokens left.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Takes the cost of a retry; the cost, or `None` if there is not enough.
    pub(crate) fn withdraw(&self, class: Class) -> Option<u64> {
        let cost = match class {
            Class::Throttled { .. } => self.throttled,
            Class::Transient | Class::Permanent => self.transient,
        };
        let take = |tokens: u64| tokens.checked_sub(cost);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok().map(|_| cost)
    }

    /// Gives tokens back, up to the capacity. A full budget costs one load.
    #[inline]
    pub(crate) fn deposit(&self, tokens: u64) {
        let put = |now: u64| (now < self.capacity).then(|| (now + tokens).min(self.capacity));
        // A full budget refuses, which is as well.
        let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, put);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}
