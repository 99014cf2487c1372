//! What every fact needs.

use std::time::Duration;

use coord_core::AgentId;
use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType};
use coord_core::registry::{
    Beat, EventCursor, Heartbeat, Incarnation, RegisteredAgent, Registration, RegistryEvent,
    RegistryEventKind, RegistryPolicy, SharedRegistry,
};

use super::RegistryBackend;

/// Nobody is ever missed.
pub(super) const CALM: RegistryPolicy =
    RegistryPolicy::new().with_ttl(HOUR).with_interval(Duration::from_secs(1_200));
/// Suspect at once, never dead.
pub(super) const NERVOUS: RegistryPolicy =
    RegistryPolicy::new().with_ttl(HOUR).with_interval(Duration::from_millis(10));
/// Dead at once.
pub(super) const DEADLY: RegistryPolicy = RegistryPolicy::new()
    .with_ttl(Duration::from_millis(60))
    .with_interval(Duration::from_millis(20));
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct Stage {
    pub(super) registry: SharedRegistry,
}

impl Stage {
    pub(super) async fn new(backend: &dyn RegistryBackend, policy: RegistryPolicy) -> Self {
        Self { registry: backend.registry(policy).await }
    }

    pub(super) async fn register(&self, name: &str) -> (Registration, Incarnation) {
        let registration = Registration::new(agent(name));
        let registered = self.registry.register(&registration).await.expect("registers");
        (registration, registered.incarnation)
    }

    pub(super) async fn beat(&self, registration: &Registration, incarnation: Incarnation) -> Beat {
        let beats = [Heartbeat { registration, incarnation }];
        self.registry.heartbeat(&beats).await.expect("beats")[0]
    }

    pub(super) async fn list(&self) -> Vec<RegisteredAgent> {
        self.registry.list_registered().await.expect("lists")
    }

    pub(super) async fn names(&self) -> Vec<String> {
        self.list().await.iter().map(|it| it.agent_id.to_string()).collect()
    }

    pub(super) async fn only(&self) -> RegisteredAgent {
        let [one] = <[_; 1]>::try_from(self.list().await).expect("one agent is there");
        one
    }

    pub(super) async fn head(&self) -> EventCursor {
        self.registry.events(None, 0).await.expect("reads events").head
    }

    pub(super) async fn since(&self, cursor: &EventCursor) -> Vec<RegistryEvent> {
        self.registry.events(Some(cursor), 10_000).await.expect("reads events").events
    }

    pub(super) async fn kinds(&self, cursor: &EventCursor) -> Vec<RegistryEventKind> {
        self.since(cursor).await.iter().map(|event| event.kind).collect()
    }
}

pub(super) fn agent(text: &str) -> AgentId {
    AgentId::parse(text).expect("facts use valid agents")
}

/// An agent that can do one thing.
pub(super) fn able(name: &str, ability: &str, kind: CapabilityType) -> Registration {
    Registration::new(agent(name)).with_capabilities(set(name, ability, kind))
}

pub(super) fn set(name: &str, ability: &str, kind: CapabilityType) -> CapabilitySet {
    let capability = AgentCapability::new(ability, kind, "1.0.0").expect("a valid capability");
    CapabilitySet::new(agent(name), vec![capability])
}
