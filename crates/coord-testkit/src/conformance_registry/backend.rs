//! What the suite needs from whoever wants to be checked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::registry::{RegistryPolicy, SharedRegistry};

use crate::fake_redis::Clock;
use crate::memory::InMemoryCoordinator;
use crate::registry::InMemoryRegistry;

/// One place where agents register, made anew for every fact.
#[async_trait]
pub trait RegistryBackend: Send + Sync {
    /// The registry of one process, over a place that was never used before the fact. Every call
    /// of one fact gives the same policy and means the same place.
    async fn registry(&self, policy: RegistryPolicy) -> SharedRegistry;

    /// Returns when the registry's clock (for a server: the server's) is at least `by` later.
    async fn advance(&self, by: Duration);

    /// Loses all that is stored, as a server that restarts empty.
    async fn lose_everything(&self);
}

/// The backend of [`InMemoryRegistry`], under a clock that stands still by itself.
#[derive(Debug)]
pub struct InMemoryRegistryBackend {
    clock: Clock,
    made: Mutex<Option<InMemoryRegistry>>,
}

impl InMemoryRegistryBackend {
    /// A fresh backend.
    pub fn new() -> Self {
        Self { clock: Clock::manual(InMemoryCoordinator::START), made: Mutex::new(None) }
    }
}

impl Default for InMemoryRegistryBackend {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl RegistryBackend for InMemoryRegistryBackend {
    async fn registry(&self, policy: RegistryPolicy) -> SharedRegistry {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || InMemoryRegistry::with_clock(policy, self.clock.clone());
        let registry = made.get_or_insert_with(|| make().expect("facts use valid policies"));
        Arc::new(registry.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn lose_everything(&self) {
        if let Some(made) = &*self.made.lock().unwrap_or_else(PoisonError::into_inner) {
            made.forget_everything();
        }
    }
}
