//! Which types of messages an agent wants to be told of.

use std::fmt;

use async_trait::async_trait;

use crate::agent::AgentId;
use crate::error::BackendError;
use crate::message::MessageType;

/// Removes what a subscription added; implemented by adapters.
#[async_trait]
pub trait SubscriptionCloser: Send + Sync {
    /// Removes the types this subscription added.
    async fn close(&self) -> Result<(), BackendError>;

    /// Does the same in the background, for a subscription that was dropped. Best effort: an
    /// adapter without a runtime at hand leaves the entry.
    fn close_in_background(self: Box<Self>);
}

/// A handle on a subscription: what it added is removed when it is closed or dropped.
///
/// The original has no such handle and never removes; [`MessageSubscription::leave`] does that.
pub struct MessageSubscription {
    /// `sub_` and 12 hex digits, as the original's; never stored.
    pub subscription_id: String,
    /// Who subscribed.
    pub agent_id: AgentId,
    /// To which types, without repetition.
    pub message_types: Vec<MessageType>,
    closer: Option<Box<dyn SubscriptionCloser>>,
}

impl MessageSubscription {
    /// A handle; `closer` removes what was added.
    pub fn new(
        subscription_id: String,
        agent_id: AgentId,
        message_types: Vec<MessageType>,
        closer: Box<dyn SubscriptionCloser>,
    ) -> Self {
        Self { subscription_id, agent_id, message_types, closer: Some(closer) }
    }

    /// Removes what it added and waits until that is done.
    ///
    /// Cancel-safe: a dropped close may or may not have removed the entry.
    ///
    /// # Errors
    /// [`BackendError`] if the removal failed; it may be tried again by subscribing and closing.
    pub async fn close(mut self) -> Result<(), BackendError> {
        match self.closer.take() {
            Some(closer) => closer.close().await,
            None => Ok(()),
        }
    }

    /// Gives up the handle and leaves the subscription recorded, as the original does.
    pub fn leave(mut self) {
        self.closer = None;
    }
}

impl Drop for MessageSubscription {
    fn drop(&mut self) {
        if let Some(closer) = self.closer.take() {
            closer.close_in_background();
        }
    }
}

impl fmt::Debug for MessageSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSubscription")
            .field("subscription_id", &self.subscription_id)
            .field("agent_id", &self.agent_id)
            .field("message_types", &self.message_types)
            .finish_non_exhaustive()
    }
}
