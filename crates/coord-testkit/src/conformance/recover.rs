//! Taking expired reservations back.

use coord_core::{FailureType, MessagePriority, VISIBILITY_TIMEOUT_EXPIRED};

use super::stage::{Stage, bad_agent, id, is_invalid, is_lost};
use super::{Backend, FAR};

/// It returns how many had expired; their messages are ready again with one more attempt.
pub async fn counts_what_expired(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for id in ["msg-000001", "msg-000002", "msg-000003"] {
        stage.send(id).await;
    }
    let tokens = [stage.receive().await.token, stage.receive().await.token];
    for token in &tokens {
        stage.mail.extend(&stage.to, token, std::time::Duration::ZERO).await.expect("held");
    }
    assert_eq!(stage.recover().await, 2);
    assert_eq!(stage.recover().await, 0);
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.reserved, stats.depth), (3, 0, 3));
    let mut attempts = Vec::new();
    while let Some(received) = stage.try_receive(FAR).await {
        let queued = received.queue_message;
        let expired = queued.last_error.as_deref() == Some(VISIBILITY_TIMEOUT_EXPIRED);
        assert_eq!(expired, queued.delivery_attempts == 1);
        attempts.push(queued.delivery_attempts);
    }
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 1, 1]);
}

/// A reservation whose deadline has not come stays.
pub async fn leaves_the_living(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    assert_eq!(stage.recover().await, 0);
    assert_eq!(stage.mail.recover_pending(None).await.expect("recovery works"), 0);
    stage.ack(&held).await;
}

/// Without an agent it takes back those of every mailbox.
pub async fn of_all_mailboxes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for to in ["writer", "writer:w2", "reader:r1"] {
        let other = stage.at(to);
        other.send("msg-000001").await;
        other.receive_expired().await;
    }
    assert_eq!(stage.mail.recover_pending(None).await.expect("recovery works"), 3);
    for to in ["writer", "writer:w2", "reader:r1"] {
        assert_eq!(stage.at(to).drain().await, ["msg-000001"]);
    }
}

/// With an agent it leaves the others alone.
pub async fn of_one_mailbox(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let other = stage.at("writer:w2");
    for it in [&stage, &other] {
        it.send("msg-000001").await;
        it.receive_expired().await;
    }
    assert_eq!(stage.recover().await, 1);
    assert_eq!(other.stats().await.reserved, 1);
}

/// The old token settles nothing any more.
pub async fn old_token_is_lost(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let token = stage.receive_expired().await.token;
    assert_eq!(stage.recover().await, 1);
    is_lost(stage.mail.ack(&stage.to, &token).await);
    is_lost(stage.mail.nack(&stage.to, &token, FailureType::Permanent, None).await);
    is_lost(stage.mail.extend(&stage.to, &token, FAR).await);
    is_lost(stage.mail.release(&stage.to, &token).await);
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.dead), (1, 0));
}

/// What was taken back keeps its level.
pub async fn keeps_the_level(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send_at("msg-000001", MessagePriority::High).await;
    stage.receive_expired().await;
    stage.send_at("msg-000002", MessagePriority::Normal).await;
    stage.send_at("msg-000003", MessagePriority::Low).await;
    stage.recover().await;
    assert_eq!(id(&stage.receive().await), "msg-000001");
}

/// Mailboxes that were never used have nothing to take back.
pub async fn unused_is_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(stage.recover().await, 0);
    assert_eq!(stage.mail.recover_pending(None).await.expect("recovery works"), 0);
}

/// An agent that cannot name a mailbox is refused by name of the field.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let recovered = stage.mail.recover_pending(Some(&bad_agent())).await;
    is_invalid!(recovered, AdminError, "agent type");
}
