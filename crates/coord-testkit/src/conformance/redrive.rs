//! Putting dead messages back.

use coord_core::{DeadSelection, MailboxPolicy, MessageId};

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, TICK};

/// A mailbox with these dead messages.
async fn with_dead<'a>(backend: &'a dyn Backend, size: u64, ids: &[&str]) -> Stage<'a> {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(size)).await;
    for id in ids {
        stage.send(id).await;
        stage.kill(&stage.receive().await, "boom").await;
        stage.advance(TICK / 20).await;
    }
    stage
}

async fn redrive(stage: &Stage<'_>, selection: &DeadSelection, limit: u64) -> u64 {
    stage.mail.redrive(&stage.to, selection, limit).await.expect("redriving works")
}

async fn dead(stage: &Stage<'_>) -> Vec<String> {
    stage.dead_messages().await.into_iter().map(|(id, ..)| id).collect()
}

/// What is put back is ready, with no attempts counted, and can fail anew.
pub async fn starts_afresh(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000001"]).await;
    assert_eq!(redrive(&stage, &DeadSelection::All, 10).await, 1);
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.depth, stats.dead), (1, 1, 0));
    let received = stage.receive().await;
    assert_eq!(received.queue_message.delivery_attempts, 0);
    stage.kill(&received, "again").await;
    let wanted = ("msg-000001".to_owned(), 1, Some("again".to_owned()));
    assert_eq!(stage.dead_messages().await, [wanted]);
}

/// The oldest go first, up to the limit.
pub async fn oldest_first_up_to_the_limit(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000003", "msg-000001", "msg-000002"]).await;
    assert_eq!(redrive(&stage, &DeadSelection::All, 0).await, 0);
    assert_eq!(redrive(&stage, &DeadSelection::All, 2).await, 2);
    assert_eq!(dead(&stage).await, ["msg-000002"]);
    let mut back = stage.drain().await;
    back.sort();
    assert_eq!(back, ["msg-000001", "msg-000003"]);
}

/// Only those that were named.
pub async fn only_the_named(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000001", "msg-000002", "msg-000003"]).await;
    let ids = ["msg-000002", "msg-000008"].map(|id| MessageId::new(id).expect("it is valid"));
    let named = DeadSelection::Ids(ids.to_vec());
    assert_eq!(redrive(&stage, &named, 10).await, 1);
    assert_eq!(redrive(&stage, &named, 10).await, 0);
    assert_eq!(stage.drain().await, ["msg-000002"]);
    assert_eq!(dead(&stage).await, ["msg-000001", "msg-000003"]);
}

/// Only as many as there is room for.
pub async fn only_while_there_is_room(backend: &dyn Backend) {
    let stage = with_dead(backend, 2, &["msg-000001", "msg-000002", "msg-000003"]).await;
    stage.send("msg-000004").await;
    assert_eq!(redrive(&stage, &DeadSelection::All, 10).await, 1);
    assert_eq!(redrive(&stage, &DeadSelection::All, 10).await, 0);
    assert_eq!(dead(&stage).await, ["msg-000002", "msg-000003"]);
    assert_eq!(stage.stats().await.depth, 2);
}

/// What cannot be read stays.
pub async fn leaves_the_unreadable(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    if !backend.inject_raw(&stage.to, b"poison").await {
        return;
    }
    stage.nothing_is_ready().await;
    assert_eq!(redrive(&stage, &DeadSelection::All, 10).await, 0);
    assert_eq!(stage.dead().await.len(), 1);
}

/// A mailbox that was never used has none; one that cannot be named is refused.
pub async fn unused_is_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(redrive(&stage, &DeadSelection::All, 10).await, 0);
    let refused = stage.mail.redrive(&bad_agent(), &DeadSelection::All, 1).await;
    is_invalid!(refused, AdminError, "agent type");
}
