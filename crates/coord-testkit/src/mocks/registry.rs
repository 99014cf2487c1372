//! The mock of the registry.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::AgentId;
use coord_core::capability::CapabilitySet;
use coord_core::registry::{
    AgentRegistry, Beat, CapabilityFilter, EventCursor, EventPage, Heartbeat, Incarnation,
    Registered, RegisteredAgent, Registration, RegistryError, RegistryPolicy, RunningTask, Task,
};

pub use answers::MockRegistryAnswers;

/// A registry that answers as it was told, and panics at what it was not told of.
///
/// `heartbeat`'s closure sees owned registrations with their incarnations. What has a default
/// body in the port (`stored_state`, `drain`, `discover`, `pick`) has it here, too.
///
/// ```
/// use coord_core::AgentId;
/// use coord_core::registry::{AgentRegistry, Beat, Incarnation, Registration};
/// use coord_testkit::mocks::MockRegistry;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut registry = MockRegistry::new();
/// let current = Incarnation::new(8);
/// registry.expect_heartbeat().returning(move |_| Ok(vec![Beat::Superseded { current }]));
/// let mut own = Registration::new(AgentId::parse("writer")?);
/// let refused = registry.drain(&mut own, Incarnation::new(7)).await.unwrap_err();
/// assert!(refused.is_superseded());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MockRegistry {
    answers: MockRegistryAnswers,
}

impl MockRegistry {
    /// A mock that expects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Deref for MockRegistry {
    type Target = MockRegistryAnswers;

    fn deref(&self) -> &MockRegistryAnswers {
        &self.answers
    }
}

impl DerefMut for MockRegistry {
    fn deref_mut(&mut self) -> &mut MockRegistryAnswers {
        &mut self.answers
    }
}

#[async_trait]
impl AgentRegistry for MockRegistry {
    fn policy(&self) -> RegistryPolicy {
        self.answers.policy()
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, RegistryError> {
        self.answers.register(registration)
    }

    async fn heartbeat(&self, beats: &[Heartbeat<'_>]) -> Result<Vec<Beat>, RegistryError> {
        let owned = beats.iter().map(|beat| (beat.registration.clone(), beat.incarnation));
        self.answers.heartbeat(owned.collect())
    }

    async fn deregister(
        &self,
        agent: &AgentId,
        incarnation: Option<Incarnation>,
    ) -> Result<bool, RegistryError> {
        self.answers.deregister(agent, incarnation)
    }

    async fn list_registered(&self) -> Result<Vec<RegisteredAgent>, RegistryError> {
        self.answers.list_registered()
    }

    async fn agent(&self, agent: &AgentId) -> Result<Option<RegisteredAgent>, RegistryError> {
        self.answers.agent(agent)
    }

    async fn register_capabilities(&self, set: &CapabilitySet) -> Result<(), RegistryError> {
        self.answers.register_capabilities(set)
    }

    async fn capabilities(&self, agent: &AgentId) -> Result<Option<CapabilitySet>, RegistryError> {
        self.answers.capabilities(agent)
    }

    async fn capability_sets(
        &self,
        filter: &CapabilityFilter,
    ) -> Result<Vec<CapabilitySet>, RegistryError> {
        self.answers.capability_sets(filter)
    }

    async fn events(
        &self,
        after: Option<&EventCursor>,
        max: usize,
    ) -> Result<EventPage, RegistryError> {
        self.answers.events(after.cloned(), max)
    }

    async fn pause(&self, by: Duration) {
        self.answers.pause(by);
    }

    fn spawn(&self, task: Task) -> Option<Box<dyn RunningTask>> {
        self.answers.spawn(task)
    }
}

#[allow(missing_docs, reason = "the macro writes methods of its own")]
mod answers {
    use super::*;

    mockall::mock! {
        /// The expectations of a [`MockRegistry`].
        #[derive(Debug)]
        pub RegistryAnswers {
            pub fn policy(&self) -> RegistryPolicy;
            pub fn register(&self, registration: &Registration) -> Result<Registered, RegistryError>;
            pub fn heartbeat(&self, beats: Vec<(Registration, Incarnation)>) -> Result<Vec<Beat>, RegistryError>;
            pub fn deregister(&self, agent: &AgentId, incarnation: Option<Incarnation>) -> Result<bool, RegistryError>;
            pub fn list_registered(&self) -> Result<Vec<RegisteredAgent>, RegistryError>;
            pub fn agent(&self, agent: &AgentId) -> Result<Option<RegisteredAgent>, RegistryError>;
            pub fn register_capabilities(&self, set: &CapabilitySet) -> Result<(), RegistryError>;
            pub fn capabilities(&self, agent: &AgentId) -> Result<Option<CapabilitySet>, RegistryError>;
            pub fn capability_sets(&self, filter: &CapabilityFilter) -> Result<Vec<CapabilitySet>, RegistryError>;
            pub fn events(&self, after: Option<EventCursor>, max: usize) -> Result<EventPage, RegistryError>;
            pub fn pause(&self, by: Duration);
            pub fn spawn(&self, task: Task) -> Option<Box<dyn RunningTask>>;
        }
    }
}
