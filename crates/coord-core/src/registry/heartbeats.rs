//! The beats of all agents of a process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::RegistryError;
use super::liveness::Incarnation;
use super::notices::{Notice, Notices};
use super::port::{Beat, Heartbeat, Registered, RunningTask, SharedRegistry};
use super::record::{AgentStatus, RegisteredAgent, Registration};
use crate::agent::AgentId;

/// What happens to the agents when their heartbeats are dropped. Exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnDrop {
    /// Their beats stop, and they expire; the default.
    #[default]
    Expire,
    /// Their beats stop, and they are deregistered in the background, as far as a runtime is at
    /// hand.
    Deregister,
}

/// The beats of any number of agents, all together, at the interval of the registry's policy.
///
/// The first beat comes one interval after the start. Dropping it stops the beats.
pub struct Heartbeats {
    shared: Arc<Shared>,
    task: Option<Box<dyn RunningTask>>,
    on_drop: OnDrop,
}

struct Shared {
    registry: SharedRegistry,
    agents: Mutex<BTreeMap<String, (Registration, Incarnation)>>,
    notices: Notices,
}

/// What a process knows of its own agents beside what the registry has.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrySnapshot {
    /// The status of the local agents, by name.
    pub local: BTreeMap<String, AgentStatus>,
    /// All registered agents.
    pub redis_index: Vec<RegisteredAgent>,
}

impl Heartbeats {
    /// Starts the beats, of nobody yet.
    pub fn start(registry: SharedRegistry, on_drop: OnDrop) -> Self {
        let (agents, notices) = (Mutex::default(), Notices::default());
        let shared = Arc::new(Shared { registry, agents, notices });
        let running = Arc::clone(&shared);
        let task = shared.registry.spawn(Box::pin(async move {
            loop {
                running.registry.pause(running.registry.policy().interval()).await;
                running.beat().await;
            }
        }));
        Self { shared, task, on_drop }
    }

    /// Registers an agent and beats for it; a stored state stays with it.
    ///
    /// # Errors
    /// Those of [`AgentRegistry::register`](super::AgentRegistry::register).
    pub async fn register(
        &self,
        mut registration: Registration,
    ) -> Result<Registered, RegistryError> {
        let registered = self.shared.registry.register(&registration).await?;
        registration.state = registration.state.or_else(|| registered.stored_state.clone());
        self.add(registration, registered.incarnation);
        Ok(registered)
    }

    /// One more agent to beat for. The record of its next beat has the state of `registration`.
    pub fn add(&self, registration: Registration, incarnation: Incarnation) {
        let key = registration.agent_id.mailbox_key();
        self.shared.agents().insert(key, (registration, incarnation));
    }

    /// No more beats for this agent; it expires unless it is deregistered.
    pub fn remove(&self, agent: &AgentId) -> Option<(Registration, Incarnation)> {
        self.shared.agents().remove(&agent.mailbox_key())
    }

    /// Changes what an agent says with its next beat; false if it does not beat here.
    pub fn update(&self, agent: &AgentId, change: impl FnOnce(&mut Registration)) -> bool {
        let mut agents = self.shared.agents();
        let found = agents.get_mut(&agent.mailbox_key());
        found.map(|(registration, _)| change(registration)).is_some()
    }

    /// Beats for all agents now.
    pub async fn beat(&self) {
        self.shared.beat().await;
    }

    /// Tells everybody that this agent wants no more work, now and with every later beat.
    ///
    /// # Errors
    /// [`RegistryError::UnknownAgent`] if it does not beat here, and those of a beat.
    pub async fn drain(&self, agent: &AgentId) -> Result<(), RegistryError> {
        let unknown = || RegistryError::UnknownAgent { agent: agent.to_string() };
        let (mut registration, incarnation) =
            self.shared.agents().get(&agent.mailbox_key()).cloned().ok_or_else(unknown)?;
        self.update(agent, |registration| registration.draining = true);
        self.shared.registry.drain(&mut registration, incarnation).await
    }

    /// What the beats found out next.
    ///
    /// Cancel-safe.
    pub async fn notice(&self) -> Notice {
        self.shared.notices.next().await
    }

    /// What the beats have found out by now.
    pub fn try_notice(&self) -> Option<Notice> {
        self.shared.notices.try_next()
    }

    /// The local agents, and what the registry has.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    pub async fn snapshot(&self) -> Result<RegistrySnapshot, RegistryError> {
        let redis_index = self.shared.registry.list_registered().await?;
        let agents = self.shared.agents();
        let local = agents.values().map(|(it, _)| (it.name.clone(), it.status.clone())).collect();
        Ok(RegistrySnapshot { local, redis_index })
    }

    /// Stops the beats and deregisters every agent of these; one that was replaced is left alone.
    ///
    /// # Errors
    /// The first failure; the others were tried nevertheless.
    pub async fn stop(mut self) -> Result<(), RegistryError> {
        self.abort();
        let agents = std::mem::take(&mut *self.shared.agents());
        self.shared.deregister(agents).await
    }

    fn abort(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.abort();
        let agents = std::mem::take(&mut *self.shared.agents());
        if self.on_drop == OnDrop::Deregister && !agents.is_empty() {
            let shared = Arc::clone(&self.shared);
            // Best effort: whoever must know that it worked calls `stop`.
            drop(self.shared.registry.spawn(Box::pin(async move {
                drop(shared.deregister(agents).await);
            })));
        }
    }
}

impl Shared {
    fn agents(&self) -> MutexGuard<'_, BTreeMap<String, (Registration, Incarnation)>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn beat(&self) {
        let agents: Vec<_> = self.agents().values().cloned().collect();
        let beats: Vec<_> = agents
            .iter()
            .map(|(registration, incarnation)| Heartbeat {
                registration,
                incarnation: *incarnation,
            })
            .collect();
        if beats.is_empty() {
            return;
        }
        let answers = match self.registry.heartbeat(&beats).await {
            Ok(answers) => answers,
            Err(error) => return self.notices.push(Notice::Failing(error.to_string())),
        };
        for ((registration, incarnation), answer) in agents.iter().zip(answers) {
            let agent_id = registration.agent_id.clone();
            match answer {
                Beat::Alive => {}
                Beat::Restored => self.notices.push(Notice::Restored(agent_id)),
                Beat::Superseded { current } => {
                    let key = agent_id.mailbox_key();
                    let mut agents = self.agents();
                    // A newer registration of this very process goes on beating.
                    if agents.get(&key).is_some_and(|(_, own)| own == incarnation) {
                        agents.remove(&key);
                        drop(agents);
                        self.notices.push(Notice::Superseded { agent_id, current });
                    }
                }
            }
        }
    }

    async fn deregister(
        &self,
        agents: BTreeMap<String, (Registration, Incarnation)>,
    ) -> Result<(), RegistryError> {
        let mut first = Ok(());
        for (registration, incarnation) in agents.into_values() {
            match self.registry.deregister(&registration.agent_id, Some(incarnation)).await {
                Err(error) if !error.is_superseded() && first.is_ok() => first = Err(error),
                _ => {}
            }
        }
        first
    }
}

impl fmt::Debug for Heartbeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeats")
            .field("agents", &self.shared.agents().len())
            .field("on_drop", &self.on_drop)
            .finish_non_exhaustive()
    }
}
