//! What every fact needs: a coordinator, two agents, and short words for what they do.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, DeadBody, DeadLetter, FailureType, MailboxPolicy, MailboxStats,
    MessageId, MessagePriority, MessageResult, MessageType, NackOutcome, NullMetrics, Page,
    PeekedMessage, ReceivedMessage, SendError, SendOptions, SettleError, SharedCoordinator,
    Timestamp,
};

use super::{Backend, FAR};

/// A fact's scene.
pub(super) struct Stage<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) mail: SharedCoordinator,
    pub(super) from: AgentId,
    pub(super) to: AgentId,
}

impl<'a> Stage<'a> {
    /// A scene under the default policy.
    pub(super) async fn new(backend: &'a dyn Backend) -> Self {
        Self::with(backend, MailboxPolicy::new()).await
    }

    /// A scene under `policy`.
    pub(super) async fn with(backend: &'a dyn Backend, policy: MailboxPolicy) -> Self {
        let mail = backend.coordinator(policy, Arc::new(NullMetrics)).await;
        Self { backend, mail, from: agent("planner"), to: agent("writer:w1") }
    }

    /// The scene of another mailbox on the same coordinator.
    pub(super) fn at(&self, to: &str) -> Self {
        let (mail, from) = (Arc::clone(&self.mail), self.from.clone());
        Self { backend: self.backend, mail, from, to: agent(to) }
    }

    pub(super) fn message(&self, id: &str) -> AgentMessage {
        let id = MessageId::new(id).expect("facts use valid ids");
        AgentMessage::new(id, self.from.clone(), self.to.clone(), MessageType::Request)
    }

    /// Sends a NORMAL message that must be accepted.
    pub(super) async fn send(&self, id: &str) {
        self.send_at(id, MessagePriority::Normal).await;
    }

    /// Sends a message of a level that must be accepted.
    pub(super) async fn send_at(&self, id: &str, priority: MessagePriority) {
        self.send_message(self.message(id).with_priority(priority)).await;
    }

    /// Sends a message that must be accepted.
    pub(super) async fn send_message(&self, message: AgentMessage) {
        let sent = self.mail.send_message(&self.from, &self.to, message).await;
        let result = sent.expect("the message is valid");
        assert!(result.delivered(), "{result:?}");
    }

    /// Sends a NORMAL message and returns what the mailbox says.
    pub(super) async fn try_send(&self, id: &str) -> MessageResult {
        let sent = self.mail.send_message(&self.from, &self.to, self.message(id)).await;
        sent.expect("the message is valid")
    }

    /// Sends with options; `None` if the backend refuses them as unsupported, which must have
    /// changed nothing.
    pub(super) async fn send_with(&self, id: &str, options: SendOptions) -> Option<MessageResult> {
        self.send_message_with(self.message(id), options).await
    }

    pub(super) async fn send_message_with(
        &self,
        message: AgentMessage,
        options: SendOptions,
    ) -> Option<MessageResult> {
        let before = self.stats().await;
        match self.mail.send_message_with(&self.from, &self.to, message, options).await {
            Ok(result) => Some(result),
            Err(SendError::Unsupported(_)) => {
                let after = self.stats().await;
                assert_eq!((before.depth, before.dead), (after.depth, after.dead));
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn try_receive(&self, visibility: Duration) -> Option<ReceivedMessage> {
        self.mail.receive(&self.to, visibility).await.expect("receive works")
    }

    /// Reserves, for [`FAR`], a message that must be there.
    pub(super) async fn receive(&self) -> ReceivedMessage {
        self.try_receive(FAR).await.expect("a message is ready")
    }

    /// Reserves a message that must be there for no time at all.
    pub(super) async fn receive_expired(&self) -> ReceivedMessage {
        self.try_receive(Duration::ZERO).await.expect("a message is ready")
    }

    pub(super) async fn nothing_is_ready(&self) {
        let received = self.try_receive(FAR).await;
        assert!(received.is_none(), "{received:?}");
    }

    pub(super) async fn ack(&self, received: &ReceivedMessage) {
        self.mail.ack(&self.to, &received.token).await.expect("it is reserved");
    }

    pub(super) async fn nack(&self, received: &ReceivedMessage, error: &str) -> NackOutcome {
        let failure = FailureType::Transient;
        let nacked = self.mail.nack(&self.to, &received.token, failure, Some(error)).await;
        nacked.expect("it is reserved")
    }

    pub(super) async fn kill(&self, received: &ReceivedMessage, error: &str) {
        let failure = FailureType::Permanent;
        let nacked = self.mail.nack(&self.to, &received.token, failure, Some(error)).await;
        let outcome = nacked.expect("it is reserved");
        assert!(matches!(outcome, NackOutcome::DeadLettered { .. }), "{outcome:?}");
    }

    pub(super) async fn recover(&self) -> u64 {
        self.mail.recover_pending(Some(&self.to)).await.expect("recovery works")
    }

    /// Reserves everything that is ready; the ids in order.
    pub(super) async fn drain(&self) -> Vec<String> {
        let mut ids = Vec::new();
        while let Some(received) = self.try_receive(FAR).await {
            ids.push(id(&received));
        }
        ids
    }

    pub(super) async fn stats(&self) -> MailboxStats {
        self.mail.mailbox_stats(&self.to).await.expect("counting works")
    }

    /// The coordinator's time.
    pub(super) async fn now(&self) -> Timestamp {
        self.stats().await.now
    }

    pub(super) async fn peek(&self) -> Vec<PeekedMessage> {
        self.mail.peek(&self.to, Page::default()).await.expect("peeking works")
    }

    pub(super) async fn dead(&self) -> Vec<DeadLetter> {
        self.mail.dead_letters(&self.to, Page::default()).await.expect("listing works")
    }

    /// The dead messages, without what is unreadable: id, attempts and last error.
    pub(super) async fn dead_messages(&self) -> Vec<(String, u32, Option<String>)> {
        let of = |letter: DeadLetter| match letter.body {
            DeadBody::Message(dead) => {
                let id = dead.message.message_id.to_string();
                Some((id, dead.delivery_attempts, dead.last_error))
            }
            DeadBody::Unreadable { .. } => None,
        };
        self.dead().await.into_iter().filter_map(of).collect()
    }

    /// Nothing was ever written to the mailbox.
    pub(super) async fn is_untouched(&self) {
        let stats = self.stats().await;
        assert_eq!((stats.depth, stats.dead, stats.ready.total()), (0, 0, 0), "{stats:?}");
        assert!(self.peek().await.is_empty());
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.backend.advance(by).await;
    }
}

pub(super) fn agent(text: &str) -> AgentId {
    AgentId::parse(text).expect("facts use valid agents")
}

/// An id that cannot name a mailbox.
pub(super) fn bad_agent() -> AgentId {
    AgentId::foreign("a:b", None)
}

pub(super) fn id(received: &ReceivedMessage) -> String {
    received.queue_message.message.message_id.to_string()
}

/// The settle failed because nothing is reserved under its token.
#[track_caller]
pub(super) fn is_lost<T: std::fmt::Debug>(settled: Result<T, SettleError>) {
    match settled {
        Err(error) if error.is_reservation_lost() => {}
        other => panic!("not a lost reservation: {other:?}"),
    }
}

/// The error is about invalid input, in this field.
macro_rules! is_invalid {
    ($result:expr, $error:ident, $field:expr) => {
        match $result {
            Err(coord_core::$error::Invalid(invalid)) => assert_eq!(invalid.field(), $field),
            other => panic!("not refused because of {}: {other:?}", $field),
        }
    };
}
pub(super) use is_invalid;
