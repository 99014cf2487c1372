//! Messages and what they are made of.

use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, FailureType, Headers, MessageId, MessagePriority, MessageType, Payload,
    QueueMessage, ReservationToken, RoutingKey, Timestamp, Trail,
};
use proptest::prelude::*;

/// Agents with and without an instance, also with letters beyond ASCII.
pub fn agent_ids() -> impl Strategy<Value = AgentId> {
    ("[a-zé漢_-]{1,10}", prop::option::of("[a-z0-9é. *?-]{1,10}"))
        .prop_map(|(kind, instance)| AgentId::foreign(kind, instance))
}

/// Ids of messages.
pub fn message_ids() -> impl Strategy<Value = MessageId> {
    "[ -~é漢]{6,24}".prop_map(|text| MessageId::new(text).expect("long enough, no controls"))
}

/// Every level.
pub fn priorities() -> impl Strategy<Value = MessagePriority> {
    prop::sample::select(MessagePriority::SERVED.to_vec())
}

/// Every type of message.
pub fn message_types() -> impl Strategy<Value = MessageType> {
    prop::sample::select(MessageType::ALL.to_vec())
}

/// Every type of failure.
pub fn failure_types() -> impl Strategy<Value = FailureType> {
    use FailureType::{Permanent, Timeout, Transient};
    prop::sample::select(vec![Transient, Permanent, Timeout])
}

/// JSON objects, also with what only Python's dialect knows and with odd spacing.
pub fn payloads() -> impl Strategy<Value = Payload> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?",
        prop::sample::select(vec!["NaN", "Infinity", "-Infinity", "1e400", "-0.0", "\"\\ud800\""])
            .prop_map(str::to_owned),
        "\"[ !#-\\[\\]-~é漢]{0,12}\"",
    ];
    let value = scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            objects(inner),
        ]
    });
    objects(value).prop_map(|text| Payload::from_json(&text).expect("it is an object"))
}

fn objects(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(("[a-zé]{0,5}", value), 0..4).prop_map(|members| {
        let members = members.iter().map(|(name, value)| format!("\"{name}\" :{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(",  "))
    })
}

/// Topics and tags.
pub fn routing_keys() -> impl Strategy<Value = RoutingKey> {
    (prop::option::of(".{0,8}"), prop::collection::vec(".{0,8}", 0..3))
        .prop_map(|(topic, tags)| RoutingKey { topic, tags })
}

/// A few headers.
pub fn headers() -> impl Strategy<Value = Headers> {
    prop::collection::btree_map(".{1,8}", ".{0,8}", 0..3).prop_map(|entries| {
        let mut headers = Headers::default();
        for (name, value) in entries {
            headers.insert(name, value).expect("few and short");
        }
        headers
    })
}

/// Messages with any of their optional parts.
pub fn agent_messages() -> impl Strategy<Value = AgentMessage> {
    let ids = (message_ids(), agent_ids(), agent_ids(), message_types());
    let rest = (payloads(), priorities(), routing_keys(), prop::option::of(".{0,16}"), headers());
    (ids, rest).prop_map(|((id, sender, recipient, kind), rest)| {
        let (payload, priority, routing, timestamp, headers) = rest;
        let mut message = AgentMessage::new(id, sender, recipient, kind)
            .with_payload(payload)
            .with_priority(priority)
            .with_routing(routing);
        message.timestamp = timestamp;
        message.headers = headers;
        message
    })
}

/// Envelopes, fresh ones and ones that failed before.
pub fn queue_messages() -> impl Strategy<Value = QueueMessage> {
    let text = || prop::option::of(".{0,16}");
    (agent_messages(), priorities(), text(), any::<u32>(), text()).prop_map(
        |(message, priority, enqueued_at, attempts, last_error)| {
            let mut queued = QueueMessage::new(message);
            queued.priority = priority;
            queued.enqueued_at = enqueued_at;
            queued.delivery_attempts = attempts;
            queued.last_error = last_error;
            queued
        },
    )
}

/// Times of the years 1970 to 2100, to the microsecond.
pub fn timestamps() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_000u64).prop_map(Timestamp::from_micros)
}

/// Zero, and times from a microsecond to thirty days: valid as visibility, delay or back-off.
pub fn durations() -> impl Strategy<Value = Duration> {
    let micros = prop_oneof![
        Just(0u64),
        1..1_000u64,
        1_000..10_000_000u64,
        10_000_000..2_592_000_000_000u64,
    ];
    micros.prop_map(Duration::from_micros)
}

/// Any token.
pub fn reservation_tokens() -> impl Strategy<Value = ReservationToken> {
    any::<u64>().prop_map(ReservationToken::from_bits)
}

/// Ways that work has taken: up to five hops among a few agents.
pub fn trails() -> impl Strategy<Value = Trail> {
    let unlimited = coord_core::MailboxPolicy::new().with_hop_limits(None, None);
    let some = || prop::sample::select(vec!["planner", "writer:1", "critic"]);
    prop::collection::vec((some(), some()), 0..=5).prop_map(move |hops| {
        hops.into_iter().fold(Trail::default(), |trail, (from, to)| {
            let name = |text| AgentId::parse(text).expect("a name of ours");
            trail.handed_on(&name(from), &name(to), &unlimited).expect("there is no limit")
        })
    })
}

/// Texts that a note may have.
pub fn notes() -> impl Strategy<Value = String> {
    ".{1,20}"
}
