//! Messages that are due later.

use std::time::Duration;

use coord_core::{MailboxPolicy, MessagePriority, Place, SendOptions};

use super::stage::Stage;
use super::{Backend, FAR, TICK};

/// Before its time a delayed message is not served; it is counted and shown as delayed.
pub async fn is_not_served_early(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let before = stage.now().await;
    let options = SendOptions::new().with_delay(FAR);
    let Some(result) = stage.send_with("msg-000001", options).await else { return };
    assert!(result.delivered());
    let after = stage.now().await;
    stage.nothing_is_ready().await;
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.delayed, stats.depth), (0, 1, 1));
    assert_eq!(stats.oldest_ready, None);
    let peeked = &stage.peek().await[0];
    assert_eq!(peeked.place, Place::Delayed);
    assert!((before + FAR..=after + FAR).contains(&peeked.available_at));
}

/// When its time has come it is served, also beside messages that never were delayed.
pub async fn ends(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_delay(TICK);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    stage.advance(TICK).await;
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.delayed), (1, 0));
    assert_eq!(stage.peek().await[0].place, Place::Ready);
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// A delayed message that fell due is served at its level.
pub async fn keeps_its_level(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_delay(TICK);
    for (id, level) in [("msg-000001", MessagePriority::Low), ("msg-000002", MessagePriority::High)]
    {
        let message = stage.message(id).with_priority(level);
        if stage.send_message_with(message, options).await.is_none() {
            return;
        }
    }
    stage.send("msg-000003").await;
    stage.advance(TICK).await;
    assert_eq!(stage.drain().await, ["msg-000002", "msg-000003", "msg-000001"]);
}

/// A delay of zero is none.
pub async fn zero_is_at_once(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_delay(Duration::ZERO);
    if stage.send_with("msg-000001", options).await.is_some() {
        assert_eq!(stage.drain().await, ["msg-000001"]);
    }
}

/// A mailbox full of delayed messages is full.
pub async fn counts_against_capacity(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    let options = SendOptions::new().with_delay(FAR);
    if stage.send_with("msg-000001", options).await.is_some() {
        assert!(!stage.try_send("msg-000002").await.delivered());
    }
}
