//! Deleting dead messages.

use coord_core::{DeadSelection, MessageId};

use super::Backend;
use super::stage::{Stage, bad_agent, is_invalid};

async fn with_dead<'a>(backend: &'a dyn Backend, ids: &[&str]) -> Stage<'a> {
    let stage = Stage::new(backend).await;
    for id in ids {
        stage.send(id).await;
        stage.kill(&stage.receive().await, "boom").await;
    }
    stage
}

async fn purge(stage: &Stage<'_>, selection: &DeadSelection) -> u64 {
    stage.mail.purge(&stage.to, selection).await.expect("purging works")
}

/// All of them go, and nothing else.
pub async fn takes_the_dead_only(backend: &dyn Backend) {
    let stage = with_dead(backend, &["msg-000001", "msg-000002"]).await;
    stage.send("msg-000003").await;
    stage.send("msg-000004").await;
    let held = stage.receive().await;
    assert_eq!(purge(&stage, &DeadSelection::all()).await, 2);
    assert_eq!(purge(&stage, &DeadSelection::all()).await, 0);
    assert!(stage.dead().await.is_empty());
    let stats = stage.stats().await;
    assert_eq!((stats.dead, stats.reserved, stats.ready.total()), (0, 1, 1));
    stage.ack(&held).await;
    assert_eq!(stage.drain().await, ["msg-000004"]);
}

/// Only those that were named.
pub async fn only_the_named(backend: &dyn Backend) {
    let stage = with_dead(backend, &["msg-000001", "msg-000002", "msg-000003"]).await;
    let ids = ["msg-000003", "msg-000001"].map(|id| MessageId::new(id).expect("it is valid"));
    let named = DeadSelection::ids(ids.to_vec());
    assert_eq!(purge(&stage, &named).await, 2);
    assert_eq!(purge(&stage, &named).await, 0);
    let left: Vec<_> = stage.dead_messages().await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(left, ["msg-000002"]);
}

/// Only those that fit every condition.
pub async fn only_what_fits(backend: &dyn Backend) {
    let stage = with_dead(backend, &["msg-000001"]).await;
    stage.send("msg-000002").await;
    stage.receive_expired().await;
    stage.kill(&stage.receive().await, "boom").await;
    let twice = DeadSelection::all().with_attempts(2..=2);
    assert_eq!(purge(&stage, &twice.clone().with_error("bang")).await, 0);
    assert_eq!(purge(&stage, &twice.with_error("boom")).await, 1);
    let left: Vec<_> = stage.dead_messages().await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(left, ["msg-000001"]);
}

/// What cannot be read goes with all the others.
pub async fn takes_the_unreadable(backend: &dyn Backend) {
    let stage = with_dead(backend, &["msg-000001"]).await;
    if !backend.inject_raw(&stage.to, b"poison").await {
        return;
    }
    stage.nothing_is_ready().await;
    assert_eq!(stage.stats().await.dead, 2);
    assert_eq!(purge(&stage, &DeadSelection::all()).await, 2);
    assert_eq!(stage.stats().await.dead, 0);
}

/// A mailbox that was never used has none; one that cannot be named is refused.
pub async fn unused_is_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(purge(&stage, &DeadSelection::all()).await, 0);
    let refused = stage.mail.purge(&bad_agent(), &DeadSelection::all()).await;
    is_invalid!(refused, AdminError, "agent type");
}
