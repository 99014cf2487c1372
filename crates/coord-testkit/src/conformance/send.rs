//! Sending.

use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, MailboxPolicy, Payload, RoutingKey, SendOptions, SendOutcome,
    SendRefusal,
};
use tokio::task::JoinSet;

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, FAR};

/// Python's dialect: what a strict JSON library would refuse, reorder or round.
pub(super) const ODD_JSON: &str = r#"{"z": 1, "a": NaN, "i": -Infinity, "big": 1180591620717411303424, "far": 1e400, "s": "\ud800", "e": [], "o": {}, "gap" :[ 1,2 ], "é": "漢\/"}"#;

/// What is received is what was sent, in a fresh envelope.
pub async fn message_arrives_as_sent(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let routing = RoutingKey { topic: Some("plot".into()), tags: vec!["a".into(), "é".into()] };
    let payload = Payload::from_json(r#"{"chapter": 3}"#).expect("it is an object");
    let sent = stage.message("msg-000001").with_payload(payload).with_routing(routing);
    let sent = sent.with_timestamp("not a date");
    let result = stage.mail.send_message(&stage.from, &stage.to, sent.clone()).await;
    let result = result.expect("the message is valid");
    assert_eq!((&result.message_id, result.outcome), (&sent.message_id, SendOutcome::Accepted));
    assert_eq!((result.delivered(), result.error()), (true, None));

    let queued = stage.receive().await.queue_message;
    assert_eq!(queued.message, sent);
    assert_eq!((queued.priority, queued.delivery_attempts), (sent.priority, 0));
    assert_eq!(queued.last_error, None);
}

/// The times that the sender left out are filled in, as ISO 8601 in UTC.
pub async fn fills_times(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let queued = stage.receive().await.queue_message;
    for time in [queued.message.timestamp, queued.enqueued_at] {
        let time = time.expect("it is filled in");
        assert!(time.len() >= 25 && time.ends_with("+00:00"), "{time}");
        assert_eq!((&time[4..5], &time[10..11]), ("-", "T"), "{time}");
    }
}

/// A timestamp of the sender's own stays, whatever it says.
pub async fn keeps_a_given_timestamp(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send_message(stage.message("msg-000001").with_timestamp("yesterday")).await;
    let queued = stage.receive().await.queue_message;
    assert_eq!(queued.message.timestamp.as_deref(), Some("yesterday"));
}

/// No byte of a payload changes.
pub async fn odd_json_survives(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let payload = Payload::from_json(ODD_JSON).expect("it is Python's JSON");
    stage.send_message(stage.message("msg-000001").with_payload(payload)).await;
    assert_eq!(stage.peek().await[0].queue_message.message.payload.as_json(), ODD_JSON);
    assert_eq!(stage.receive().await.queue_message.message.payload.as_json(), ODD_JSON);
}

/// Fields that this library does not know arrive with the bytes they had.
pub async fn unknown_fields_survive(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let json = br#"{"message_id": "msg-000001", "sender": {"type": "x"}, "x_trace": {"a": NaN},
        "recipient": {"type": "y"}, "message_type": "event", "x_big": 123456789012345678901}"#;
    stage.send_message(AgentMessage::from_json(json).expect("it is a message")).await;
    let message = stage.receive().await.queue_message.message;
    let unknown: Vec<_> = message.unknown_fields().collect();
    assert_eq!(unknown, [("x_trace", r#"{"a": NaN}"#), ("x_big", "123456789012345678901")]);
}

/// Headers arrive.
pub async fn headers_travel(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let message = stage.message("msg-000001").with_header("reply_to", "planner:p1");
    let message = message.and_then(|it| it.with_header("odd \"é\"", "")).expect("both are short");
    stage.send_message(message.clone()).await;
    assert_eq!(stage.receive().await.queue_message.message.headers, message.headers);
}

/// A full mailbox refuses with depth and limit, says `queue full`, and writes nothing.
pub async fn full_mailbox_refuses(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(2)).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    let result = stage.try_send("msg-000003").await;
    let refusal = SendRefusal::QueueFull { depth: 2, limit: 2 };
    assert_eq!((result.delivered(), result.refusal()), (false, Some(refusal)));
    assert_eq!(result.error().as_deref(), Some("queue full"));
    assert_eq!(result.message_id.as_str(), "msg-000003");
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.ready.total(), stats.dead), (2, 2, 0));
    assert_eq!(stage.drain().await, ["msg-000001", "msg-000002"]);
}

/// A mailbox full of reserved messages is full.
pub async fn reserved_counts_against_capacity(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.send("msg-000001").await;
    let _held = stage.receive().await;
    assert!(!stage.try_send("msg-000002").await.delivered());
}

/// One full mailbox says nothing about another.
pub async fn capacity_is_per_mailbox(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.send("msg-000001").await;
    stage.at("writer:w2").send("msg-000002").await;
    stage.at("writer").send("msg-000003").await;
}

/// Of many senders at once exactly as many get in as there is room.
pub async fn many_senders_never_overfill(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(10)).await;
    let mut senders = JoinSet::new();
    for number in 0..64 {
        let (mail, from, to) = (stage.mail.clone(), stage.from.clone(), stage.to.clone());
        let message = stage.message(&format!("msg-{number:06}"));
        senders.spawn(async move { mail.send_message(&from, &to, message).await });
    }
    let results = senders.join_all().await;
    let delivered = results.into_iter().filter(|it| it.as_ref().is_ok_and(|it| it.delivered()));
    assert_eq!(delivered.count(), 10);
    assert_eq!(stage.stats().await.depth, 10);
}

/// Ids made here are unlike each other and sort in the order they were made.
pub async fn ids_are_new_and_ascending(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let ids: Vec<_> = (0..200).map(|_| stage.mail.new_message_id()).collect();
    assert!(ids.is_sorted_by(|left, right| left < right), "{ids:?}");
}

/// A recipient that cannot name a mailbox is refused by name of the field; nothing is written.
pub async fn refuses_bad_recipients(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let long = "x".repeat(AgentId::MAX_PART_BYTES + 1);
    for (to, field) in [
        (bad_agent(), "agent type"),
        (AgentId::foreign("", None), "agent type"),
        (AgentId::foreign(long, None), "agent type"),
        (AgentId::foreign("writer", Some("{w}".into())), "agent instance"),
        (AgentId::foreign("writer", Some("w\n".into())), "agent instance"),
    ] {
        let sent = stage.mail.send_message(&stage.from, &to, stage.message("msg-000001")).await;
        is_invalid!(sent, SendError, field);
    }
    assert_eq!(stage.mail.mailboxes().await.expect("listing works"), []);
}

/// Options out of range are refused by name; nothing is written.
pub async fn refuses_bad_options(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new();
    let long = SendOptions::MAX + FAR;
    for (bad, field) in [
        (options.with_delay(long), "delay"),
        (options.with_expires_in(long), "expires_in"),
        (options.with_expires_in(Duration::ZERO), "expires_in"),
        (options.with_dedup_window(long), "dedup_window"),
        (options.with_dedup_window(Duration::ZERO), "dedup_window"),
    ] {
        let message = stage.message("msg-000001");
        let sent = stage.mail.send_message_with(&stage.from, &stage.to, message, bad).await;
        is_invalid!(sent, SendError, field);
    }
    stage.is_untouched().await;
}
