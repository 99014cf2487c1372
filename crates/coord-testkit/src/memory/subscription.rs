//! Taking a subscription back.

use async_trait::async_trait;
use coord_core::{AgentId, BackendError, MessageType, SubscriptionCloser};

use super::InMemoryCoordinator;

/// Removes what one subscription added.
pub(super) struct Closer {
    pub(super) coordinator: InMemoryCoordinator,
    pub(super) agent: AgentId,
    pub(super) types: Vec<MessageType>,
}

#[async_trait]
impl SubscriptionCloser for Closer {
    async fn close(&self) -> Result<(), BackendError> {
        self.coordinator.state().unsubscribe(&self.agent, &self.types);
        Ok(())
    }

    fn close_in_background(self: Box<Self>) {
        self.coordinator.state().unsubscribe(&self.agent, &self.types);
    }
}
