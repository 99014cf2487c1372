//! Shared breakers by name, each with its driver and its reports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coord_resilience::breaker::{BreakerName, Metrics, SharedConfig, StoreError};
use coord_resilience::clock::{Clock, SystemClock};
use coord_resilience::sleep::TokioSleeper;
use coord_resilience::{CircuitBreaker, CircuitBreakerConfig, ConfigError, SharedBreaker};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::records::CallCounts;
use super::store::RedisBreakerStore;

/// The shared breakers of this process, by name, over one [`RedisBreakerStore`].
///
/// It runs the driver of each on the current tokio runtime, and adds what the process counts to
/// the fleet's metrics record every [`REPORT_EVERY`](Self::REPORT_EVERY). At most `capacity`
/// breakers are kept; a further name is refused. Clones share their entries; when the last one
/// goes, the reports end, and breakers that are still held follow their fleet as before.
#[derive(Clone, Debug)]
pub struct RedisBreakerRegistry {
    inner: Arc<Registry>,
}

#[derive(Debug)]
struct Registry {
    store: RedisBreakerStore,
    shared: SharedConfig,
    capacity: usize,
    entries: Mutex<HashMap<BreakerName, Entry>>,
}

#[derive(Debug)]
struct Entry {
    breaker: SharedBreaker,
    reports: AbortHandle,
}

/// Why a registry has no breaker to give.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisRegistryError {
    /// The name or a configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It holds as many breakers as it may.
    #[error("the registry is full with {capacity} breakers")]
    Full {
        /// How many it may hold.
        capacity: usize,
    },
}

impl RedisBreakerRegistry {
    /// How often counts are added to the fleet's metrics.
    pub const REPORT_EVERY: Duration = Duration::from_secs(10);

    /// An empty registry for at most `capacity` breakers that share `shared`.
    #[must_use]
    pub fn new(store: RedisBreakerStore, shared: SharedConfig, capacity: usize) -> Self {
        let entries = Mutex::default();
        Self { inner: Arc::new(Registry { store, shared, capacity, entries }) }
    }

    /// The breaker of this name, joined to its fleet. The first configuration of a name wins.
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// [`RedisRegistryError`].
    pub fn get_or_create(
        &self,
        name: &str,
        config: &CircuitBreakerConfig,
    ) -> Result<SharedBreaker, RedisRegistryError> {
        let name = BreakerName::parse(name)?;
        let inner = &self.inner;
        let mut entries = inner.entries();
        if let Some(entry) = entries.get(&name) {
            return Ok(entry.breaker.clone());
        }
        if entries.len() >= inner.capacity {
            return Err(RedisRegistryError::Full { capacity: inner.capacity });
        }
        let local = CircuitBreaker::new(name.as_str(), config.clone())?;
        let store = Arc::new(inner.store.clone());
        let (breaker, driver) =
            SharedBreaker::join(local.clone(), store, Arc::new(TokioSleeper), inner.shared)?;
        tokio::spawn(driver.run());
        let reports = tokio::spawn(report(inner.store.clone(), local)).abort_handle();
        entries.insert(name, Entry { breaker: breaker.clone(), reports });
        Ok(breaker)
    }

    /// The breaker of this name, if this process has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SharedBreaker> {
        self.inner.entries().get(name).map(|entry| entry.breaker.clone())
    }

    /// Lets this process forget a breaker; handles to it stay valid. Returns whether it was
    /// known. What the store holds stays, see [`RedisBreakerStore::forget`].
    pub fn remove(&self, name: &str) -> bool {
        self.inner.entries().remove(name).is_some()
    }

    /// The names this process has, sorted.
    #[must_use]
    pub fn local_names(&self) -> Vec<BreakerName> {
        let mut names: Vec<_> = self.inner.entries().keys().cloned().collect();
        names.sort();
        names
    }

    /// The names of all fleets of the prefix, sorted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn names(&self) -> Result<Vec<BreakerName>, StoreError> {
        self.inner.store.names().await
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &RedisBreakerStore {
        &self.inner.store
    }
}

impl Registry {
    fn entries(&self) -> MutexGuard<'_, HashMap<BreakerName, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.reports.abort();
    }
}

/// Adds what is counted to the fleet's metrics, again and again. What could not be told is told
/// the next time; counts whose outcome is unknown may so be counted twice.
async fn report(store: RedisBreakerStore, local: CircuitBreaker) {
    let clock = SystemClock::new();
    let mut told = Metrics::default();
    loop {
        sleep(RedisBreakerRegistry::REPORT_EVERY).await;
        let counted = local.metrics();
        if counted.total_calls == told.total_calls
            && counted.failed_calls == told.failed_calls
            && counted.successful_calls == told.successful_calls
        {
            continue;
        }
        let now = clock.now();
        let age = |at: Option<Duration>| at.map(|at| now.saturating_sub(at));
        let counts = CallCounts {
            total: counted.total_calls - told.total_calls,
            failed: counted.failed_calls - told.failed_calls,
            successful: counted.successful_calls - told.successful_calls,
            last_failure_age: age(counted.last_failure_time),
            last_success_age: age(counted.last_success_time),
        };
        if store.add_counts(local.name(), &counts).await.is_ok() {
            told = counted;
        }
    }
}
