//! Which types of messages an agent wants to be told of, and who was told.

use std::fmt;

use async_trait::async_trait;

use crate::agent::AgentId;
use crate::error::{BackendError, SendError};
use crate::message::MessageType;
use crate::send::MessageResult;

/// Removes what a subscription added; implemented by adapters.
#[async_trait]
pub trait SubscriptionCloser: Send + Sync {
    /// Removes this holder of its types; those that nobody else holds go.
    async fn close(&self) -> Result<(), BackendError>;

    /// Keeps the types recorded for good, whoever else holds them.
    async fn leave(&self) -> Result<(), BackendError>;

    /// Does the same in the background, for a subscription that was dropped. Best effort: an
    /// adapter without a runtime at hand leaves the entry.
    fn close_in_background(self: Box<Self>);
}

/// A handle on a subscription, counted with the others: a type stays recorded until the last
/// handle of its agent that wants it is closed or dropped, in whichever process.
///
/// The handle of a process that was killed lapses by itself (adapters over a server: after the
/// time of its lease). The original has no such handle and never removes;
/// [`MessageSubscription::leave`] does that.
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

    /// Gives it up and waits until that is done.
    ///
    /// Cancel-safe: a dropped close may or may not have been done.
    ///
    /// # Errors
    /// [`BackendError`] if that failed; the handle lapses then as that of a killed process.
    pub async fn close(mut self) -> Result<(), BackendError> {
        match self.closer.take() {
            Some(closer) => closer.close().await,
            None => Ok(()),
        }
    }

    /// Gives up the handle and leaves the subscription recorded for good, as the original does.
    ///
    /// Cancel-safe: a dropped leave may or may not have recorded it.
    ///
    /// # Errors
    /// [`BackendError`] if that failed; the handle lapses then as that of a killed process.
    pub async fn leave(mut self) -> Result<(), BackendError> {
        match self.closer.take() {
            Some(closer) => closer.leave().await,
            None => Ok(()),
        }
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

/// Whom a publication reached: the subscribers of one moment, with what became of each copy.
#[derive(Debug)]
pub struct Publication {
    /// Everybody whose subscription fitted, in the order of their ids, each once.
    pub results: Vec<(AgentId, Result<MessageResult, SendError>)>,
}

impl Publication {
    /// Whom it was sent to.
    pub fn recipients(&self) -> impl ExactSizeIterator<Item = &AgentId> {
        self.results.iter().map(|(agent, _)| agent)
    }

    /// How many mailboxes hold it.
    pub fn delivered(&self) -> usize {
        self.results.iter().filter(|(_, sent)| is_delivered(sent)).count()
    }

    /// Who should have got it and did not: full mailboxes and failures.
    pub fn missed(&self) -> impl Iterator<Item = &AgentId> {
        self.results.iter().filter(|(_, sent)| !is_delivered(sent)).map(|(agent, _)| agent)
    }
}

fn is_delivered(sent: &Result<MessageResult, SendError>) -> bool {
    sent.as_ref().is_ok_and(MessageResult::delivered)
}
