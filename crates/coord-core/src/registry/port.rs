//! The port: what a registry must do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::error::RegistryError;
use super::event::{EventCursor, EventPage};
use super::liveness::Incarnation;
use super::pick::{PickStrategy, pick};
use super::policy::RegistryPolicy;
use super::record::{RegisteredAgent, Registration};
use crate::agent::AgentId;
use crate::capability::{
    CapabilityCriteria, CapabilityMatch, CapabilityMatcher, CapabilitySet, CapabilityType,
    MatchStrategy,
};
use crate::error::InvalidInput;
use crate::payload::Payload;

/// A registry that many share.
pub type SharedRegistry = Arc<dyn AgentRegistry>;

/// Tells whom not to pick.
pub type LeftOut<'a> = dyn Fn(&AgentId) -> bool + Send + Sync + 'a;

/// Something to run in the background.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that runs in the background.
pub trait RunningTask: Send + Sync {
    /// Ends it at its next await.
    fn abort(&self);
}

/// A registration that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// Its number, higher than every earlier one of this agent.
    pub incarnation: Incarnation,
    /// The state that was stored before, if there was one.
    pub stored_state: Option<Payload>,
    /// The living registration that this one took over, if there was one.
    pub took_over: Option<Incarnation>,
}

/// One beat.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// What the agent says now.
    pub registration: &'a Registration,
    /// Which registration beats.
    pub incarnation: Incarnation,
}

/// What came of a beat. Exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// The registry has it.
    Alive,
    /// The record was gone: the agent had been taken for dead, or the server lost its data. The
    /// beat has put it back.
    Restored,
    /// Refused, nothing was written: a later registration or a deregistration stands.
    Superseded {
        /// What stands.
        current: Incarnation,
    },
}

/// Whose capabilities to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CapabilityFilter {
    /// Everybody's; the default.
    #[default]
    All,
    /// Of those who have a capability of this name.
    Name(String),
    /// Of those who have a capability of this kind.
    Kind(CapabilityType),
    /// Of those who have a capability whose name alone lets it match.
    Similar {
        /// The name that is looked for.
        name: String,
        /// The strategy that compares names.
        strategy: MatchStrategy,
        /// Whether the kind may make up for letters.
        with_kind: bool,
    },
}

impl CapabilityFilter {
    /// The narrowest filter that loses no match of `criteria` under `strategy`.
    pub fn of(criteria: &CapabilityCriteria, strategy: MatchStrategy) -> Self {
        match (strategy, &criteria.capability_name, criteria.capability_type) {
            (MatchStrategy::Exact, Some(name), _) => Self::Name(name.clone()),
            (MatchStrategy::Weighted | MatchStrategy::Fuzzy, Some(name), kind) => {
                Self::Similar { name: name.clone(), strategy, with_kind: kind.is_some() }
            }
            (
                MatchStrategy::Exact | MatchStrategy::Weighted | MatchStrategy::Priority,
                _,
                Some(kind),
            ) => Self::Kind(kind),
            _ => Self::All,
        }
    }

    /// Whether a set passes.
    pub fn admits(&self, set: &CapabilitySet) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => set.capabilities.iter().any(|it| it.name == *name),
            Self::Kind(kind) => set.capabilities.iter().any(|it| it.kind == *kind),
            Self::Similar { .. } => set.capabilities.iter().any(|it| self.admits_name(&it.name)),
        }
    }

    /// Whether a capability of this name may match, as far as names tell.
    pub fn admits_name(&self, name: &str) -> bool {
        match self {
            Self::All | Self::Kind(_) => true,
            Self::Name(wanted) => name == wanted,
            Self::Similar { name: wanted, strategy, with_kind } => {
                strategy.may_match_name(wanted, name, *with_kind)
            }
        }
    }
}

/// Who is there.
///
/// Liveness is by the server's time. Every method is cancel-safe: a dropped call happened or did
/// not, and calling again is safe. New methods come with a default body.
#[async_trait]
pub trait AgentRegistry: Send + Sync {
    /// Time to live and interval of the agents registered here.
    fn policy(&self) -> RegistryPolicy;

    /// Registers an agent under a new incarnation; an earlier one can write no more.
    ///
    /// A stored state is kept if the registration has none.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn register(&self, registration: &Registration) -> Result<Registered, RegistryError>;

    /// The state that is stored for an agent.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn stored_state(&self, agent: &AgentId) -> Result<Option<Payload>, RegistryError> {
        Ok(self.agent(agent).await?.and_then(|found| found.record?.state))
    }

    /// One beat of each of these agents, together; the answers are in order. A beat puts a lost
    /// record and lost index entries back.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn heartbeat(&self, beats: &[Heartbeat<'_>]) -> Result<Vec<Beat>, RegistryError>;

    /// Tells everybody that this agent wants no more work. Its later beats must say so too.
    ///
    /// # Errors
    /// [`RegistryError::Superseded`] and those of [`AgentRegistry::heartbeat`].
    async fn drain(
        &self,
        registration: &mut Registration,
        incarnation: Incarnation,
    ) -> Result<(), RegistryError> {
        registration.draining = true;
        let beat = Heartbeat { registration, incarnation };
        match self.heartbeat(&[beat]).await?.first() {
            Some(&Beat::Superseded { current }) => Err(RegistryError::Superseded {
                agent: registration.agent_id.to_string(),
                own: incarnation,
                current,
            }),
            _ => Ok(()),
        }
    }

    /// Removes an agent with its capabilities: false if it was not there. With an incarnation,
    /// only if no later one stands; a beat that is still on its way is refused.
    ///
    /// # Errors
    /// [`RegistryError::Superseded`], [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn deregister(
        &self,
        agent: &AgentId,
        incarnation: Option<Incarnation>,
    ) -> Result<bool, RegistryError>;

    /// All agents, by name. Whoever is found dead is removed.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    async fn list_registered(&self) -> Result<Vec<RegisteredAgent>, RegistryError>;

    /// One agent.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn agent(&self, agent: &AgentId) -> Result<Option<RegisteredAgent>, RegistryError>;

    /// Writes what a registered agent can do. Beats keep it.
    ///
    /// # Errors
    /// [`RegistryError::UnknownAgent`], [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn register_capabilities(&self, set: &CapabilitySet) -> Result<(), RegistryError>;

    /// What an agent can do.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::Backend`].
    async fn capabilities(&self, agent: &AgentId) -> Result<Option<CapabilitySet>, RegistryError>;

    /// What agents that are neither dead nor draining can do, in the order of their names. Reads
    /// no other sets than those that pass.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    async fn capability_sets(
        &self,
        filter: &CapabilityFilter,
    ) -> Result<Vec<CapabilitySet>, RegistryError>;

    /// The capabilities that fit, best first; equal scores in the order of the agents' names.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    async fn discover(
        &self,
        criteria: &CapabilityCriteria,
        strategy: MatchStrategy,
        matcher: CapabilityMatcher,
    ) -> Result<Vec<CapabilityMatch>, RegistryError> {
        let filter = CapabilityFilter::of(criteria, strategy);
        let sets = self.capability_sets(&filter).await?;
        Ok(matcher.find(criteria, strategy, &sets))
    }

    /// The one agent for a job: among those that fit, are not draining and that `left_out` does
    /// not name.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    async fn pick(
        &self,
        criteria: &CapabilityCriteria,
        strategy: PickStrategy<'_>,
        left_out: &LeftOut<'_>,
    ) -> Result<Option<CapabilityMatch>, RegistryError> {
        let everybody = CapabilityMatcher::new().with_max_results(usize::MAX);
        let matches = self.discover(criteria, MatchStrategy::Exact, everybody).await?;
        Ok(pick(&matches, strategy, left_out).cloned())
    }

    /// The events after a cursor, at most `max`; without one, none, only where the log stands.
    /// Whoever is found suspect or dead becomes an event first.
    ///
    /// # Errors
    /// [`RegistryError::Backend`].
    async fn events(
        &self,
        after: Option<&EventCursor>,
        max: usize,
    ) -> Result<EventPage, RegistryError>;

    /// Waits on the adapter's runtime.
    async fn pause(&self, by: Duration);

    /// Runs something on the adapter's runtime; `None` if there is none at hand.
    fn spawn(&self, task: Task) -> Option<Box<dyn RunningTask>>;
}

/// An agent whose state outlives its process.
pub trait StatefulAgent {
    /// What to store; the empty object counts as nothing.
    fn export_state(&self) -> Payload;

    /// Takes over what was stored.
    ///
    /// # Errors
    /// [`InvalidInput`] if it cannot be read; the agent is not registered then.
    fn import_state(&mut self, state: &Payload) -> Result<(), InvalidInput>;
}

/// Registers an agent with its state: what was stored is given to it first, then what it exports
/// is stored.
///
/// # Errors
/// Those of [`AgentRegistry::register`] and [`StatefulAgent::import_state`].
pub async fn register_stateful(
    registry: &dyn AgentRegistry,
    registration: &mut Registration,
    agent: &mut (dyn StatefulAgent + Send),
) -> Result<Registered, RegistryError> {
    if let Some(stored) = registry.stored_state(&registration.agent_id).await? {
        agent.import_state(&stored)?;
    }
    registration.state = Some(agent.export_state());
    registry.register(registration).await
}
