//! Bytes of other writers: messages of another shape, and what is no message at all.
//!
//! Only a backend that can take such bytes shows these facts.

use std::time::Duration;

use coord_core::{DeadBody, MailboxPolicy, MessagePriority, NackOutcome};

use super::Backend;
use super::stage::{Stage, id};

/// Stored bytes and a word of the reason why they are no message.
const POISON: [(&[u8], &str); 6] = [
    (b"\xff\xfe{}", "UTF-8"),
    (b"{\"message\": ", "JSON"),
    (b"[]", "JSON"),
    (b"{}", "message"),
    (br#"{"message": {"message_id": "short", "sender": {"type": "x"}, "recipient": {"type": "y"}, "message_type": "event"}}"#, "message_id"),
    (br#"{"message": {"message_id": "msg-000009", "sender": {"type": "x"}, "recipient": {"type": "y"}, "message_type": "event", "priority": 7}}"#, "priority"),
];

/// What cannot be read is dead-lettered with its text and the reason, and counts nowhere else.
pub async fn goes_to_the_dead_letters(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for (number, (bytes, word)) in POISON.into_iter().enumerate() {
        if !backend.inject_raw(&stage.to, bytes).await {
            return;
        }
        stage.nothing_is_ready().await;
        let letters = stage.dead().await;
        assert_eq!(letters.len(), number + 1, "{word}");
        let newest = letters.into_iter().map(|it| it.body).find(|body| match body {
            DeadBody::Unreadable { raw, .. } => *raw == String::from_utf8_lossy(bytes),
            DeadBody::Message(_) => false,
        });
        let Some(DeadBody::Unreadable { reason, .. }) = newest else { panic!("no {word}") };
        assert!(reason.contains(word), "{reason}");
    }
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (0, 0, POISON.len() as u64));
}

/// One receive passes over it and takes the next message.
pub async fn does_not_block(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for (bytes, _) in POISON {
        if !backend.inject_raw(&stage.to, bytes).await {
            return;
        }
    }
    stage.send_at("msg-000001", MessagePriority::Low).await;
    let received = stage.receive().await;
    assert_eq!(id(&received), "msg-000001");
    stage.ack(&received).await;
    assert_eq!(stage.stats().await.depth, 0);
}

/// Compact JSON with only what is needed, or with odd types, is a message.
pub async fn foreign_messages_are_read(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let bare = br#"{"message":{"message_id":"msg-000001","sender":{"type":"a:b"},"recipient":{"type":"y","instance":""},"message_type":"response"}}"#;
    let odd = br#"{"priority":9.0,"message":{"message_type":"event","timestamp":"not a date","priority":"9","recipient":{"type":"y","z":1},"sender":{"type":"x"},"message_id":"msg-000002","payload":{"x":NaN}},"delivery_attempts":"0"}"#;
    if !backend.inject_raw(&stage.to, bare).await {
        return;
    }
    backend.inject_raw(&stage.to, odd).await;
    let mut received = [stage.receive().await, stage.receive().await];
    received.sort_by_key(id);
    let [first, second] = received.map(|it| it.queue_message);
    assert_eq!(first.message.sender.agent_type(), "a:b");
    assert_eq!((first.message.payload.as_json(), first.enqueued_at), ("{}", None));
    assert_eq!(second.message.payload.as_json(), r#"{"x":NaN}"#);
    assert_eq!(second.message.timestamp.as_deref(), Some("not a date"));
    assert_eq!(second.priority, MessagePriority::High);
}

/// The attempts that a message brings along count.
pub async fn foreign_attempts_count(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let worn = br#"{"message": {"message_id": "msg-000001", "sender": {"type": "x"}, "recipient": {"type": "y"}, "message_type": "event"}, "delivery_attempts": 3, "last_error": "before"}"#;
    if !backend.inject_raw(&stage.to, worn).await {
        return;
    }
    let received = stage.receive().await;
    assert_eq!(received.queue_message.delivery_attempts, 3);
    assert_eq!(received.queue_message.last_error.as_deref(), Some("before"));
    let outcome = stage.nack(&received, "last").await;
    assert_eq!(outcome, NackOutcome::DeadLettered { attempts: 4 });
}

/// Unknown fields of envelope and message keep their bytes through a nack.
pub async fn unknown_fields_survive_a_nack(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 1.0, Duration::ZERO);
    let stage = Stage::with(backend, policy).await;
    let wire = br#"{"x_env":[1 ,2],"message":{"message_id":"msg-000001","x_msg":{"a":NaN},"sender":{"type":"x"},"recipient":{"type":"y"},"message_type":"event"}}"#;
    if !backend.inject_raw(&stage.to, wire).await {
        return;
    }
    stage.nack(&stage.receive().await, "boom").await;
    let queued = stage.receive().await.queue_message;
    assert_eq!((queued.delivery_attempts, queued.last_error.as_deref()), (1, Some("boom")));
    let unknown: Vec<_> = queued.message.unknown_fields().collect();
    assert_eq!(unknown, [("x_msg", r#"{"a":NaN}"#)]);
    assert!(queued.to_wire().contains(r#""x_env": [1 ,2]"#), "{}", queued.to_wire());
}
