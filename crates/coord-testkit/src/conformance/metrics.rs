//! What a coordinator reports.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    FailureType, InMemoryMetrics, MailboxPolicy, MetricsSnapshot, ReservationToken, SendOptions,
};

use super::stage::{Stage, agent, is_lost};
use super::{Backend, FAR};

async fn counted(
    backend: &dyn Backend,
    policy: MailboxPolicy,
) -> (Stage<'_>, Arc<InMemoryMetrics>) {
    let metrics = Arc::new(InMemoryMetrics::default());
    let mail = backend.coordinator(policy, metrics.clone()).await;
    (Stage { backend, mail, from: agent("planner"), to: agent("writer:w1") }, metrics)
}

/// Accepted and refused sends are counted; a duplicate was delivered.
pub async fn count_sends(backend: &dyn Backend) {
    let (stage, metrics) = counted(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.send("msg-000001").await;
    stage.try_send("msg-000002").await;
    let both = [stage.to.clone(), agent("reader")];
    let options = SendOptions::new().with_dedup_window(FAR);
    stage.mail.broadcast_message(&stage.from, stage.message("msg-000003"), &both).await;
    let mut delivered = 2;
    let other = stage.at("painter");
    if other.send_with("msg-000004", options).await.is_some() {
        other.send_with("msg-000004", options).await.expect("it was supported");
        delivered += 2;
    }
    let delivery = metrics.snapshot().delivery;
    assert_eq!((delivery.delivered_ok, delivery.delivered_error), (delivered, 2));
}

/// Nacks, retries, the last back-off and permanent failures are counted.
pub async fn count_nacks(backend: &dyn Backend) {
    let pause = Duration::from_millis(1_500);
    let policy = MailboxPolicy::new().with_backoff(pause, 2.0, FAR);
    let (stage, metrics) = counted(backend, policy).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    stage.nack(&stage.receive().await, "boom").await;
    stage.kill(&stage.receive().await, "boom").await;
    let retry = metrics.snapshot().retry;
    assert_eq!((retry.total_nacks, retry.total_retries_scheduled), (2, 1));
    assert_eq!(retry.total_permanent_failures, 1);
    assert!((retry.last_backoff_seconds - 1.5).abs() < 1e-9);
}

/// A nack that found nothing is none.
pub async fn a_lost_nack_counts_nothing(backend: &dyn Backend) {
    let (stage, metrics) = counted(backend, MailboxPolicy::new()).await;
    let token = ReservationToken::from_bits(7);
    is_lost(stage.mail.nack(&stage.to, &token, FailureType::Permanent, None).await);
    let fresh: MetricsSnapshot = InMemoryMetrics::default().snapshot();
    assert_eq!(metrics.snapshot(), fresh);
}
