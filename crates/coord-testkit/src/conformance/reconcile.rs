//! Repairing a mailbox: what is healthy stays as it is.

use std::time::Duration;

use coord_core::{MAX_GRACE, MessagePriority, Reconciliation, SendOptions};

use super::stage::{Stage, bad_agent, id, is_invalid};
use super::{Backend, FAR};

/// Two passes without any grace, which would repair whatever looks lost.
async fn pass_twice(stage: &Stage<'_>) {
    for _ in 0..2 {
        let pass = stage.mail.reconcile(&stage.to, Duration::ZERO).await;
        assert_eq!(pass.expect("reconciling works"), Reconciliation::default());
    }
}

/// Ready, delayed, retried, reserved and dead messages are not touched.
pub async fn leaves_the_healthy(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for id in ["msg-000001", "msg-000002", "msg-000003", "msg-000004"] {
        stage.send_at(id, MessagePriority::High).await;
    }
    let held = stage.receive().await;
    stage.kill(&stage.receive().await, "boom").await;
    stage.nack(&stage.receive().await, "boom").await;
    stage.receive_expired().await;
    stage.send_with("msg-000005", SendOptions::new().with_delay(FAR)).await;
    stage.send_at("msg-000006", MessagePriority::Low).await;
    let before = stage.stats().await;
    let peeked = stage.peek().await;
    pass_twice(&stage).await;
    let after = stage.stats().await;
    assert_eq!(
        (before.ready.total(), before.delayed, before.reserved, before.dead, before.depth),
        (after.ready.total(), after.delayed, after.reserved, after.dead, after.depth)
    );
    assert_eq!(stage.peek().await.len(), peeked.len());
    stage.ack(&held).await;
    assert_eq!(stage.recover().await, 1);
}

/// What was settled does not come back, and what is left is served in its order.
pub async fn what_is_settled_stays_so(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for id in ["msg-000001", "msg-000002", "msg-000003"] {
        stage.send(id).await;
    }
    let first = stage.receive().await;
    stage.ack(&first).await;
    let second = stage.receive().await;
    pass_twice(&stage).await;
    stage.mail.release(&stage.to, &second.token).await.expect("it is reserved");
    pass_twice(&stage).await;
    let mut left = Vec::new();
    while let Some(received) = stage.try_receive(FAR).await {
        stage.ack(&received).await;
        left.push(id(&received));
    }
    left.sort_unstable();
    assert_eq!(left, ["msg-000002", "msg-000003"]);
    pass_twice(&stage).await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.stats().await.depth, 0);
}

/// A mailbox that was never used has nothing to repair, and is not made.
pub async fn unused_is_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    pass_twice(&stage).await;
    stage.is_untouched().await;
    assert!(stage.mail.mailboxes().await.expect("listing works").is_empty());
}

/// An agent that cannot name a mailbox, and a grace without end, are refused by name.
pub async fn refuses_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let refused = stage.mail.reconcile(&bad_agent(), FAR).await;
    is_invalid!(refused, AdminError, "agent type");
    let endless = MAX_GRACE + Duration::from_millis(1);
    let refused = stage.mail.reconcile(&stage.to, endless).await;
    is_invalid!(refused, AdminError, "grace");
    stage.mail.reconcile(&stage.to, MAX_GRACE).await.expect("it is just short enough");
}
