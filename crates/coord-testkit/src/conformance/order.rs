//! Which message is next.

use std::num::NonZeroU32;

use coord_core::mailbox::Order;
use coord_core::{MailboxPolicy, MessagePriority};

use super::stage::{Stage, id};
use super::{Backend, TICK};

/// HIGH goes before NORMAL before LOW.
pub async fn high_then_normal_then_low(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for (id, level) in [
        ("msg-000001", MessagePriority::Low),
        ("msg-000002", MessagePriority::Normal),
        ("msg-000003", MessagePriority::High),
        ("msg-000004", MessagePriority::Low),
        ("msg-000005", MessagePriority::High),
    ] {
        stage.send_at(id, level).await;
    }
    let wanted = ["msg-000003", "msg-000005", "msg-000002", "msg-000001", "msg-000004"];
    assert_eq!(stage.drain().await, wanted);
}

/// Messages of one producer and level come in the order in which they were sent.
pub async fn fifo_inside_a_level(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let ids: Vec<String> = (0..50).map(|_| stage.mail.new_message_id().to_string()).collect();
    for id in &ids {
        stage.send(id).await;
    }
    assert_eq!(stage.drain().await, ids);
}

/// That holds for any ids, unless ties are ordered by payload.
pub async fn fifo_whatever_the_ids(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    if backend.order() == Order::Payload {
        return;
    }
    let ids: Vec<String> = (0..50).map(|number| format!("msg-{:06}", number * 37 % 50)).collect();
    for id in &ids {
        stage.send(id).await;
    }
    assert_eq!(stage.drain().await, ids);
}

/// With the guard at three, a LOW message waits for two others at most.
pub async fn guard_serves_low(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_low_every(NonZeroU32::new(3));
    let stage = Stage::with(backend, policy).await;
    for number in 0..6 {
        stage.send_at(&format!("high-{number:04}"), MessagePriority::High).await;
    }
    for number in 0..3 {
        stage.send_at(&format!("low-{number:04}"), MessagePriority::Low).await;
    }
    let (mut waited, mut low) = (0, Vec::new());
    while let Some(received) = stage.try_receive(TICK * 10_000).await {
        if received.queue_message.priority == MessagePriority::Low {
            low.push(id(&received));
            waited = 0;
        } else {
            waited += 1;
        }
        assert!(waited <= 2 || low.len() == 3, "LOW waited for {waited}");
    }
    assert_eq!(low, ["low-0000", "low-0001", "low-0002"]);
}

/// Without the guard a LOW message waits for every other.
pub async fn guard_is_off_by_default(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send_at("low-0000", MessagePriority::Low).await;
    for number in 0..20 {
        stage.send_at(&format!("high-{number:04}"), MessagePriority::High).await;
    }
    assert_eq!(stage.drain().await.pop().as_deref(), Some("low-0000"));
}
