//! The port, verb by verb.

use std::time::Duration;

use async_trait::async_trait;
use coord_core::capability::CapabilitySet;
use coord_core::registry::{
    AgentRegistry, Beat, CapabilityFilter, EventCursor, EventPage, Heartbeat, Incarnation,
    Registered, RegisteredAgent, Registration, RegistryError, RegistryPolicy, RunningTask, Task,
};
use coord_core::{AgentId, BackendError, Timestamp, micros};

use super::{Inner, RedisAgentRegistry, capabilities, events, heartbeat, list, register};
use crate::error::unexpected;
use crate::reply;

#[async_trait]
impl AgentRegistry for RedisAgentRegistry {
    fn policy(&self) -> RegistryPolicy {
        self.inner.policy
    }

    async fn register(&self, registration: &Registration) -> Result<Registered, RegistryError> {
        register::register(&self.inner, registration).await
    }

    async fn heartbeat(&self, beats: &[Heartbeat<'_>]) -> Result<Vec<Beat>, RegistryError> {
        heartbeat::heartbeat(&self.inner, beats).await
    }

    async fn deregister(
        &self,
        agent: &AgentId,
        incarnation: Option<Incarnation>,
    ) -> Result<bool, RegistryError> {
        register::deregister(&self.inner, agent, incarnation).await
    }

    async fn list_registered(&self) -> Result<Vec<RegisteredAgent>, RegistryError> {
        list::list(&self.inner).await
    }

    async fn agent(&self, agent: &AgentId) -> Result<Option<RegisteredAgent>, RegistryError> {
        list::one(&self.inner, agent).await
    }

    async fn register_capabilities(&self, set: &CapabilitySet) -> Result<(), RegistryError> {
        capabilities::put(&self.inner, set).await
    }

    async fn capabilities(&self, agent: &AgentId) -> Result<Option<CapabilitySet>, RegistryError> {
        capabilities::one(&self.inner, agent).await
    }

    async fn capability_sets(
        &self,
        filter: &CapabilityFilter,
    ) -> Result<Vec<CapabilitySet>, RegistryError> {
        capabilities::sets(&self.inner, filter).await
    }

    async fn events(
        &self,
        after: Option<&EventCursor>,
        max: usize,
    ) -> Result<EventPage, RegistryError> {
        events::events(&self.inner, after, max).await
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

impl Inner {
    /// Whole milliseconds, at least one, as the original.
    pub(super) fn ttl_ms(&self) -> u64 {
        (micros(self.policy.ttl()) / 1_000).max(1)
    }

    pub(super) fn interval_us(&self) -> u64 {
        micros(self.policy.interval())
    }

    /// The server's time.
    pub(super) async fn time(&self) -> Result<Timestamp, BackendError> {
        let answer = self.lane.command_at(self.keys.space(), "TIME", &redis::cmd("TIME")).await?;
        let parts = reply::list("TIME", answer)?.into_iter();
        let parts: Vec<u64> = parts
            .map(|part| {
                let text = reply::text("TIME", part)?;
                text.parse().map_err(|_| unexpected("TIME", text))
            })
            .collect::<Result<_, _>>()?;
        match parts[..] {
            [seconds, micros] => Ok(Timestamp::from_micros(seconds * 1_000_000 + micros)),
            _ => Err(unexpected("TIME", parts)),
        }
    }
}
