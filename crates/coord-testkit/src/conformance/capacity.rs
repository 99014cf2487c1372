//! Who finds room in a mailbox: the urgent first, and nobody all of it.

use coord_core::{
    AgentMessage, MailboxPolicy, MessageId, MessagePriority, MessageType, SendError, SendOutcome,
    SendRefusal,
};

use super::Backend;
use super::stage::{Stage, agent};

impl Stage<'_> {
    /// Sends as somebody else; `None` if a quota is not supported here, with nothing written.
    async fn send_as(&self, sender: &str, id: &str) -> Option<SendOutcome> {
        match self.mail.send_message(&agent(sender), &self.to, self.message(id)).await {
            Ok(result) => Some(result.outcome),
            Err(SendError::Unsupported(_)) => {
                self.is_untouched().await;
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn outcome(&self, message: AgentMessage) -> SendOutcome {
        let sent = self.mail.send_message(&self.from, &self.to, message).await;
        sent.expect("the message is valid").outcome
    }
}

/// The last places are for HIGH messages and for responses.
pub async fn keeps_places_for_the_urgent(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_queue_size(3).with_queue_reserve(2);
    let stage = Stage::with(backend, policy).await;
    stage.send_at("msg-000001", MessagePriority::Low).await;
    let full = |depth, limit| SendOutcome::Refused(SendRefusal::QueueFull { depth, limit });
    assert_eq!(stage.try_send("msg-000002").await.outcome, full(1, 1));
    stage.send_at("msg-000003", MessagePriority::High).await;
    let mut response = stage.message("msg-000004");
    response.message_type = MessageType::Response;
    assert_eq!(stage.outcome(response).await, SendOutcome::Accepted);
    let urgent = stage.message("msg-000005").with_priority(MessagePriority::High);
    assert_eq!(stage.outcome(urgent).await, full(3, 3));
    assert_eq!(stage.stats().await.depth, 3);
}

/// In one batch, each message finds the room of its kind.
pub async fn keeps_places_inside_a_batch(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_queue_size(3).with_queue_reserve(1);
    let stage = Stage::with(backend, policy).await;
    let message = |number: u32, priority| {
        let id = MessageId::new(format!("msg-{number:06}")).expect("facts use valid ids");
        let plain = stage.message(id.as_str()).with_priority(priority);
        (plain, coord_core::SendOptions::new())
    };
    let (low, high) = (MessagePriority::Low, MessagePriority::High);
    let batch = vec![message(1, low), message(2, low), message(3, low), message(4, high)];
    let sent = stage.mail.send_batch(&stage.from, &stage.to, batch).await.expect("valid");
    let delivered: Vec<bool> = sent.iter().map(|result| result.delivered()).collect();
    assert_eq!(delivered, [true, true, false, true]);
}

/// One sender takes no more than its quota; others are not affected.
pub async fn a_sender_has_its_quota(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_sender_quota(Some(2))).await;
    let Some(first) = stage.send_as("planner:p1", "msg-000001").await else { return };
    assert_eq!(first, SendOutcome::Accepted);
    let accepted = Some(SendOutcome::Accepted);
    assert_eq!(stage.send_as("planner:p1", "msg-000002").await, accepted);
    let over = Some(SendOutcome::Refused(SendRefusal::SenderQuota { limit: 2 }));
    assert_eq!(stage.send_as("planner:p1", "msg-000003").await, over);
    assert_eq!(stage.send_as("planner:p2", "msg-000004").await, accepted);
    assert_eq!(stage.stats().await.depth, 3);
}

/// What is reserved still counts; what is settled or dead does not.
pub async fn a_quota_counts_the_unsettled(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_sender_quota(Some(2))).await;
    let accepted = Some(SendOutcome::Accepted);
    if stage.send_as("planner", "msg-000001").await.is_none() {
        return;
    }
    assert_eq!(stage.send_as("planner", "msg-000002").await, accepted);
    let (first, second) = (stage.receive().await, stage.receive().await);
    assert_ne!(stage.send_as("planner", "msg-000003").await, accepted);
    stage.ack(&first).await;
    assert_eq!(stage.send_as("planner", "msg-000004").await, accepted);
    assert_ne!(stage.send_as("planner", "msg-000005").await, accepted);
    stage.kill(&second, "boom").await;
    assert_eq!(stage.send_as("planner", "msg-000006").await, accepted);
}
