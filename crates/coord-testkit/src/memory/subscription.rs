//! Who wants messages of which type, and taking that back.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coord_core::{AgentId, BackendError, Filter, MessageType, RoutingKey, SubscriptionCloser};

use super::InMemoryCoordinator;

/// The subscriptions of all agents.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// By mailbox; none is empty.
    agents: BTreeMap<String, Vec<Held>>,
}

/// What one handle wants.
#[derive(Debug)]
struct Held {
    /// The handle's number; none of what is recorded for good.
    handle: Option<u64>,
    types: Vec<MessageType>,
    filter: Filter,
}

impl Subscriptions {
    /// The types that `agent` is subscribed to, in order.
    pub(super) fn types(&self, agent: &AgentId) -> Vec<MessageType> {
        let held = self.agents.get(&agent.mailbox_key()).into_iter().flatten();
        let mut types: Vec<_> = held.flat_map(|held| held.types.iter().copied()).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    pub(super) fn hold(
        &mut self,
        agent: &AgentId,
        handle: u64,
        types: &[MessageType],
        filter: Filter,
    ) {
        if !types.is_empty() {
            let held = Held { handle: Some(handle), types: types.to_vec(), filter };
            self.agents.entry(agent.mailbox_key()).or_default().push(held);
        }
    }

    fn close(&mut self, agent: &AgentId, handle: u64) {
        let key = agent.mailbox_key();
        let Some(held) = self.agents.get_mut(&key) else { return };
        held.retain(|held| held.handle != Some(handle));
        if held.is_empty() {
            self.agents.remove(&key);
        }
    }

    fn leave(&mut self, agent: &AgentId, handle: u64) {
        let held = self.agents.get_mut(&agent.mailbox_key()).into_iter().flatten();
        for held in held.filter(|held| held.handle == Some(handle)) {
            held.handle = None;
        }
    }

    /// Who wants messages of `kind` about `routing`, in order.
    pub(super) fn subscribers(&self, kind: MessageType, routing: &RoutingKey) -> Vec<AgentId> {
        let wants = |held: &Held| held.types.contains(&kind) && held.filter.fits(routing);
        let found = self.agents.iter().filter(|(_, held)| held.iter().any(wants));
        found
            .filter_map(|(key, _)| {
                let (agent, instance) = key.split_once(':')?;
                let instance = (instance != "default").then(|| instance.to_owned());
                Some(AgentId::foreign(agent, instance))
            })
            .collect()
    }
}

/// Removes what one subscription holds.
pub(super) struct Closer {
    pub(super) coordinator: InMemoryCoordinator,
    pub(super) agent: AgentId,
    pub(super) handle: u64,
}

impl Closer {
    fn end(&self) {
        self.coordinator.state().subscriptions.close(&self.agent, self.handle);
    }
}

#[async_trait]
impl SubscriptionCloser for Closer {
    async fn close(&self) -> Result<(), BackendError> {
        self.end();
        Ok(())
    }

    async fn leave(&self) -> Result<(), BackendError> {
        self.coordinator.state().subscriptions.leave(&self.agent, self.handle);
        Ok(())
    }

    fn close_in_background(self: Box<Self>) {
        self.end();
    }
}
