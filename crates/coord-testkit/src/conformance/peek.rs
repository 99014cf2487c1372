//! Looking at a mailbox without touching it.

use coord_core::{MessagePriority, Page, PeekedMessage, Place, SendOptions};

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, FAR};

fn ids(peeked: &[PeekedMessage]) -> Vec<&str> {
    peeked.iter().map(|it| it.queue_message.message.message_id.as_str()).collect()
}

/// A mailbox of four messages in the order of their ids.
async fn filled(backend: &dyn Backend) -> Stage<'_> {
    let stage = Stage::new(backend).await;
    stage.send_at("msg-000004", MessagePriority::Low).await;
    stage.send_at("msg-000002", MessagePriority::Normal).await;
    stage.send_at("msg-000003", MessagePriority::Normal).await;
    stage.send_at("msg-000001", MessagePriority::High).await;
    stage
}

/// Ready messages are shown as they would be served, then delayed ones by their time.
pub async fn is_in_serving_order(backend: &dyn Backend) {
    let stage = filled(backend).await;
    let late = stage.message("msg-000006").with_priority(MessagePriority::High);
    let options = SendOptions::new();
    let mut wanted = vec!["msg-000001", "msg-000002", "msg-000003", "msg-000004"];
    if stage.send_message_with(late, options.with_delay(FAR * 2)).await.is_some() {
        stage.send_with("msg-000005", options.with_delay(FAR)).await.expect("it was supported");
        wanted.extend(["msg-000005", "msg-000006"]);
    }
    let peeked = stage.peek().await;
    assert_eq!(ids(&peeked), wanted);
    for (index, it) in peeked.iter().enumerate() {
        assert_eq!(it.place, if index < 4 { Place::Ready } else { Place::Delayed });
    }
    assert_eq!(stage.drain().await, wanted[..4]);
}

/// Looking reserves nothing and counts nothing.
pub async fn does_not_touch(backend: &dyn Backend) {
    let stage = filled(backend).await;
    let first = stage.peek().await;
    assert_eq!(stage.peek().await, first);
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.reserved), (4, 0));
    assert_eq!(stage.receive().await.queue_message, first[0].queue_message);
}

/// A page is a part of the whole.
pub async fn pages(backend: &dyn Backend) {
    let stage = filled(backend).await;
    let page = async |offset, limit| {
        let peeked = stage.mail.peek(&stage.to, Page { offset, limit }).await;
        ids(&peeked.expect("peeking works")).iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, ["msg-000001", "msg-000002"]);
    assert_eq!(page(1, 2).await, ["msg-000002", "msg-000003"]);
    assert_eq!(page(3, 100).await, ["msg-000004"]);
    assert_eq!(page(4, 100).await, [""; 0]);
    assert_eq!(page(u64::MAX, u32::MAX).await, [""; 0]);
    assert_eq!(page(0, 0).await, [""; 0]);
}

/// A mailbox that was never used shows nothing and counts nothing.
pub async fn unused_is_empty(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.is_untouched().await;
    let stats = stage.stats().await;
    assert_eq!(stats.agent, stage.to);
    assert_eq!((stats.delayed, stats.reserved, stats.oldest_ready), (0, 0, None));
}

/// Every message is counted where it is, once.
pub async fn counts_every_place(backend: &dyn Backend) {
    let stage = filled(backend).await;
    let start = stage.now().await;
    stage.send_at("msg-000000", MessagePriority::High).await;
    stage.kill(&stage.receive().await, "boom").await;
    let _held = stage.receive().await;
    let retried = stage.receive().await;
    stage.mail.configure(stage.mail.policy().with_backoff(FAR, 1.0, FAR)).expect("it is valid");
    stage.nack(&retried, "later").await;
    let stats = stage.stats().await;
    let ready = (stats.ready.high, stats.ready.normal, stats.ready.low);
    assert_eq!(ready, (0, 1, 1), "{stats:?}");
    assert_eq!((stats.delayed, stats.reserved, stats.dead), (1, 1, 1), "{stats:?}");
    assert_eq!((stats.depth, stats.ready.total()), (4, 2), "{stats:?}");
    assert!(stats.now >= start);
    let oldest = stats.oldest_ready.expect("two are ready");
    assert!(start.since(oldest) <= FAR && oldest <= stats.now + FAR, "{stats:?}");
}

/// Every mailbox that holds messages is listed, in order.
pub async fn lists_mailboxes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for to in ["writer:w2", "reader", "writer:w1", "writer:w1"] {
        stage.at(to).send("msg-000001").await;
    }
    let found = stage.mail.mailboxes().await.expect("listing works");
    let keys: Vec<_> = found.iter().map(coord_core::AgentId::mailbox_key).collect();
    assert_eq!(keys, ["reader:default", "writer:w1", "writer:w2"]);
}

/// An agent that cannot name a mailbox is refused by name of the field.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let (mail, agent) = (&stage.mail, bad_agent());
    is_invalid!(mail.peek(&agent, Page::default()).await, AdminError, "agent type");
    is_invalid!(mail.mailbox_stats(&agent).await, AdminError, "agent type");
    is_invalid!(mail.dead_letters(&agent, Page::default()).await, AdminError, "agent type");
}
