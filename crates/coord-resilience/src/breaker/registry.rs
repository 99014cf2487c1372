//! Breakers by name, with shared configurations and bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::circuit::CircuitBreaker;
use super::config::CircuitBreakerConfig;
use super::metrics::Metrics;
use super::name::BreakerName;
use super::outcome::State;
use crate::backoff::random_seed;
use crate::clock::{Clock, ClockSource};
use crate::error::ConfigError;
use crate::sync::PoisonError;

/// Breakers by name. Clones share their entries.
///
/// The first configuration of a name wins. At most `capacity` breakers are kept: when it is full,
/// a closed breaker that nobody holds makes room, and if there is none, the new name is refused.
///
/// ```
/// use coord_resilience::{BreakerRegistry, CircuitBreakerConfig};
///
/// let registry = BreakerRegistry::new(CircuitBreakerConfig::new(), 1_000)?
///     .with_config("strict", CircuitBreakerConfig::new().with_failure_threshold(1))?;
/// let search = registry.get_or_create("search")?;
/// let ledger = registry.get_or_create_as("ledger", "strict")?;
/// assert_eq!(registry.names().len(), 2);
/// # Ok::<(), coord_resilience::breaker::RegistryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BreakerRegistry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    default: CircuitBreakerConfig,
    configs: HashMap<String, CircuitBreakerConfig>,
    capacity: usize,
    clock: ClockSource,
    breakers: RwLock<HashMap<BreakerName, CircuitBreaker>>,
}

impl BreakerRegistry {
    /// An empty registry; `capacity` is 1 to 1 000 000.
    ///
    /// # Errors
    /// [`RegistryError::Config`] if the configuration or the capacity is invalid.
    pub fn new(default: CircuitBreakerConfig, capacity: usize) -> Result<Self, RegistryError> {
        Self::build(default, capacity, ClockSource::system())
    }

    /// As [`new`](Self::new), on a clock of your own.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(
        default: CircuitBreakerConfig,
        capacity: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RegistryError> {
        Self::build(default, capacity, ClockSource::Injected(clock))
    }

    fn build(
        default: CircuitBreakerConfig,
        capacity: usize,
        clock: ClockSource,
    ) -> Result<Self, RegistryError> {
        default.validate()?;
        ConfigError::range("capacity", capacity, 1, 1_000_000)?;
        let (configs, breakers) = Default::default();
        Ok(Self { inner: Arc::new(Inner { default, configs, capacity, clock, breakers }) })
    }

    /// Adds a named configuration, before the registry is shared.
    ///
    /// # Errors
    /// [`RegistryError::Config`] if it is invalid, [`RegistryError::Shared`] if the registry has
    /// been cloned already.
    pub fn with_config(
        mut self,
        name: &str,
        config: CircuitBreakerConfig,
    ) -> Result<Self, RegistryError> {
        config.validate()?;
        let inner = Arc::get_mut(&mut self.inner).ok_or(RegistryError::Shared)?;
        inner.configs.insert(name.to_owned(), config);
        Ok(self)
    }

    /// The breaker of this name, made with the default configuration if it is new.
    ///
    /// # Errors
    /// [`RegistryError::Config`] for an invalid name, [`RegistryError::Full`].
    pub fn get_or_create(&self, name: &str) -> Result<CircuitBreaker, RegistryError> {
        self.entry(name, &self.inner.default)
    }

    /// The breaker of this name, made with the named configuration if it is new.
    ///
    /// # Errors
    /// As [`get_or_create`](Self::get_or_create), and [`RegistryError::UnknownConfig`].
    pub fn get_or_create_as(
        &self,
        name: &str,
        config: &str,
    ) -> Result<CircuitBreaker, RegistryError> {
        let known = self.inner.configs.get(config);
        let config = known.ok_or_else(|| RegistryError::UnknownConfig(config.to_owned()))?;
        self.entry(name, config)
    }

    /// The breaker of this name, made with this configuration if it is new.
    ///
    /// # Errors
    /// As [`get_or_create`](Self::get_or_create), with the configuration checked only if used.
    pub fn get_or_create_with(
        &self,
        name: &str,
        config: &CircuitBreakerConfig,
    ) -> Result<CircuitBreaker, RegistryError> {
        self.entry(name, config)
    }

    fn entry(
        &self,
        name: &str,
        config: &CircuitBreakerConfig,
    ) -> Result<CircuitBreaker, RegistryError> {
        if let Some(breaker) = self.read().get(name) {
            return Ok(breaker.clone());
        }
        let clock = self.inner.clock.clone();
        let breaker = CircuitBreaker::build(name, config.clone(), clock, random_seed())?;
        let mut breakers = self.write();
        if let Some(first) = breakers.get(name) {
            return Ok(first.clone());
        }
        if breakers.len() >= self.inner.capacity {
            let idle = breakers.values().find(|b| b.state() == State::Closed && !b.is_shared());
            let idle = idle.ok_or(RegistryError::Full { capacity: self.inner.capacity })?;
            let idle = idle.name().clone();
            breakers.remove(&idle);
        }
        breakers.insert(breaker.name().clone(), breaker.clone());
        Ok(breaker)
    }

    /// The breaker of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CircuitBreaker> {
        self.read().get(name).cloned()
    }

    /// Forgets a breaker; handles to it stay valid. Returns whether it was known.
    pub fn remove(&self, name: &str) -> bool {
        self.write().remove(name).is_some()
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<BreakerName> {
        let mut names: Vec<_> = self.read().keys().cloned().collect();
        names.sort();
        names
    }

    /// State and metrics of all breakers, sorted by name.
    #[must_use]
    pub fn all_metrics(&self) -> Vec<(BreakerName, State, Metrics)> {
        let breakers: Vec<_> = self.read().values().cloned().collect();
        let mut all: Vec<_> =
            breakers.iter().map(|b| (b.name().clone(), b.state(), b.metrics())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<BreakerName, CircuitBreaker>> {
        self.inner.breakers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<BreakerName, CircuitBreaker>> {
        self.inner.breakers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a registry has no breaker to give.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The name, a configuration or the capacity is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No configuration of this name was added.
    #[error("no breaker configuration is named {0:?}")]
    UnknownConfig(String),
    /// It is full of breakers that are in use or not closed.
    #[error("the registry is full: all {capacity} breakers are in use or not closed")]
    Full {
        /// How many it holds.
        capacity: usize,
    },
    /// Configurations are added before the registry is cloned.
    #[error("the registry is shared already")]
    Shared,
}
