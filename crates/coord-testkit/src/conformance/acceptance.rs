//! What the original's own tests assert of its coordinator.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    FailureType, InMemoryMetrics, MailboxPolicy, MessageId, MessagePriority, NackOutcome,
};

use super::stage::{Stage, agent, id};
use super::{Backend, FAR};

/// LOW, HIGH, NORMAL, NORMAL are received as HIGH, NORMAL, NORMAL, LOW.
pub async fn priority_order_and_fifo(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for (id, level) in [
        ("msg-000001", MessagePriority::Low),
        ("msg-000002", MessagePriority::High),
        ("msg-000003", MessagePriority::Normal),
        ("msg-000004", MessagePriority::Normal),
    ] {
        stage.send_at(id, level).await;
    }
    let mut ids = Vec::new();
    for _ in 0..4 {
        let received = stage.try_receive(Duration::from_secs(60)).await.expect("one is ready");
        ids.push(id(&received));
        stage.ack(&received).await;
    }
    assert_eq!(ids, ["msg-000002", "msg-000003", "msg-000004", "msg-000001"]);
}

/// Two retries with 50 and 100 ms, then the dead-letter queue.
pub async fn retry_with_backoff_and_limits(backend: &dyn Backend) {
    let base = Duration::from_millis(50);
    let policy = MailboxPolicy::new().with_retry_attempts(2);
    let policy = policy.with_backoff(base, 2.0, Duration::from_secs(1));
    let stage = Stage::with(backend, policy).await;
    stage.send("msg-000001").await;
    for wanted in [base, base * 2] {
        let outcome = stage.nack(&stage.receive().await, "boom").await;
        let NackOutcome::Retry { delay, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(delay, wanted);
        stage.advance(delay).await;
    }
    stage.nack(&stage.receive().await, "boom").await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.dead().await.len(), 1);
}

/// After 50 ms unsettled, a recovery makes the message receivable again.
pub async fn visibility_and_recovery(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let visibility = Duration::from_millis(50);
    stage.try_receive(visibility).await.expect("one is ready");
    stage.advance(visibility).await;
    assert!(stage.recover().await >= 1);
    stage.ack(&stage.receive().await).await;
}

/// Over a capacity of one, the second send says exactly `queue full`.
pub async fn overflow_is_graceful(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    assert!(stage.try_send("msg-000001").await.delivered());
    let second = stage.try_send("msg-000002").await;
    assert_eq!((second.delivered(), second.error().as_deref()), (false, Some("queue full")));
}

/// The counters of the original count; the message comes back after its back-off.
pub async fn metrics_count(backend: &dyn Backend) {
    let metrics = Arc::new(InMemoryMetrics::default());
    let base = Duration::from_millis(50);
    let policy = MailboxPolicy::new().with_backoff(base, 2.0, FAR);
    let mail = backend.coordinator(policy, metrics.clone()).await;
    let stage = Stage { backend, mail, from: agent("planner"), to: agent("writer") };
    stage.send("msg-000001").await;
    let token = stage.receive().await.token;
    let nacked = stage.mail.nack(&stage.to, &token, FailureType::default(), None).await;
    nacked.expect("it is reserved");
    let counted = metrics.snapshot();
    assert_eq!(counted.delivery.delivered_ok, 1);
    assert_eq!((counted.retry.total_nacks, counted.retry.total_retries_scheduled), (1, 1));
    assert!(counted.retry.last_backoff_seconds > 0.0);
    stage.advance(base).await;
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// A recovery without an agent finds what a crashed consumer held.
pub async fn recovery_of_all_mailboxes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let visibility = Duration::from_millis(50);
    stage.try_receive(visibility).await.expect("one is ready");
    stage.advance(visibility).await;
    assert!(stage.mail.recover_pending(None).await.expect("recovery works") >= 1);
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// A broadcast to two agents is delivered twice.
pub async fn broadcast_reaches_each(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let recipients = [agent("writer:a"), agent("narrator:b")];
    let mut message = stage.message("msg-000001");
    message.message_id = MessageId::new("msg-000020").expect("it is long enough");
    let results = stage.mail.broadcast_message(&stage.from, message, &recipients).await;
    assert_eq!(results.len(), 2);
    for (result, recipient) in results.into_iter().zip(&recipients) {
        assert!(result.expect("the message is valid").delivered());
        assert_eq!(stage.at(&recipient.to_string()).stats().await.depth, 1);
    }
}
