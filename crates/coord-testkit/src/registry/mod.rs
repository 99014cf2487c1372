//! The registry in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::capability::CapabilitySet;
use coord_core::registry::{
    AgentRegistry, Beat, CapabilityFilter, EventCursor, EventPage, Heartbeat, Incarnation,
    Registered, RegisteredAgent, Registration, RegistryError, RegistryMachine, RegistryPolicy,
    RunningTask, Task,
};
use coord_core::{AgentId, InvalidInput, Timestamp};

use crate::fake_redis::Clock;
use crate::memory::InMemoryCoordinator;

/// An [`AgentRegistry`] in memory, for tests and demos: `coord-core`'s machine under a clock.
///
/// Clones share one state. Pauses of its watches and heartbeats are those of tokio, whatever the
/// clock is.
///
/// # Defaults
/// The clock is manual and starts at [`InMemoryCoordinator::START`].
///
/// ```
/// use coord_core::AgentId;
/// use coord_core::registry::{AgentRegistry, AgentState, Registration, RegistryPolicy};
/// use coord_testkit::InMemoryRegistry;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let registry = InMemoryRegistry::new(RegistryPolicy::new())?;
/// registry.register(&Registration::new(AgentId::parse("writer:w1")?)).await?;
/// registry.advance(Duration::from_secs(20));
/// assert_eq!(registry.list_registered().await?[0].state, AgentState::Suspect);
/// registry.advance(Duration::from_secs(10));
/// assert!(registry.list_registered().await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct InMemoryRegistry {
    machine: Arc<Mutex<RegistryMachine>>,
    clock: Clock,
}

impl InMemoryRegistry {
    /// A registry with the default clock.
    ///
    /// # Errors
    /// [`InvalidInput`] about the policy.
    pub fn new(policy: RegistryPolicy) -> Result<Self, InvalidInput> {
        Self::with_clock(policy, Clock::manual(InMemoryCoordinator::START))
    }

    /// A registry under another clock.
    ///
    /// # Errors
    /// [`InvalidInput`] about the policy.
    pub fn with_clock(policy: RegistryPolicy, clock: Clock) -> Result<Self, InvalidInput> {
        policy.validate()?;
        Ok(Self { machine: Arc::new(Mutex::new(RegistryMachine::new(policy))), clock })
    }

    /// Moves a manual clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Loses everything, as a server that restarts empty.
    pub fn forget_everything(&self) {
        self.machine().forget_everything();
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.now_us())
    }

    fn machine(&self) -> MutexGuard<'_, RegistryMachine> {
        // A test that panics elsewhere must not turn every later call into a panic.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InMemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryRegistry").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[async_trait]
impl AgentRegistry for InMemoryRegistry {
    fn policy(&self) -> RegistryPolicy {
        self.machine().policy()
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, RegistryError> {
        Ok(self.machine().register(self.now(), registration)?)
    }

    async fn heartbeat(&self, beats: &[Heartbeat<'_>]) -> Result<Vec<Beat>, RegistryError> {
        for beat in beats {
            beat.registration.check()?;
        }
        let (mut machine, now) = (self.machine(), self.now());
        let beats = beats.iter().map(|beat| Ok(machine.heartbeat(now, *beat)?));
        beats.collect()
    }

    async fn deregister(
        &self,
        agent: &AgentId,
        incarnation: Option<Incarnation>,
    ) -> Result<bool, RegistryError> {
        self.machine().deregister(self.now(), agent, incarnation)
    }

    async fn list_registered(&self) -> Result<Vec<RegisteredAgent>, RegistryError> {
        Ok(self.machine().list(self.now()))
    }

    async fn agent(&self, agent: &AgentId) -> Result<Option<RegisteredAgent>, RegistryError> {
        agent.check()?;
        Ok(self.machine().agent(self.now(), agent))
    }

    async fn register_capabilities(&self, set: &CapabilitySet) -> Result<(), RegistryError> {
        self.machine().register_capabilities(self.now(), set)
    }

    async fn capabilities(&self, agent: &AgentId) -> Result<Option<CapabilitySet>, RegistryError> {
        agent.check()?;
        Ok(self.machine().capabilities(self.now(), agent))
    }

    async fn capability_sets(
        &self,
        filter: &CapabilityFilter,
    ) -> Result<Vec<CapabilitySet>, RegistryError> {
        Ok(self.machine().capability_sets(self.now(), filter))
    }

    async fn events(
        &self,
        after: Option<&EventCursor>,
        max: usize,
    ) -> Result<EventPage, RegistryError> {
        Ok(self.machine().events(self.now(), after, max))
    }

    async fn pause(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn spawn(&self, task: Task) -> Option<Box<dyn RunningTask>> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        Some(Box::new(Running(runtime.spawn(task))))
    }
}

struct Running(tokio::task::JoinHandle<()>);

impl RunningTask for Running {
    fn abort(&self) {
        self.0.abort();
    }
}
