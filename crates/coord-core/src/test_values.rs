//! Values for this crate's own random tests.

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    AgentId, AgentMessage, MessageId, MessagePriority, MessageType, Payload, QueueMessage,
    RoutingKey,
};

/// Envelopes as this library makes them, and with what others may have written into them.
pub(crate) fn queue_messages() -> impl Strategy<Value = QueueMessage> {
    let payload = prop_oneof![
        Just(r#"{"a": NaN, "s": "\ud800", "z" :1e400}"#.to_owned()),
        prop::collection::btree_map(".{0,4}", json(), 0..4)
            .prop_map(|map| serde_json::to_string(&map).expect("it is JSON")),
    ];
    let agent = ("[a-z_é]{1,8}", prop::option::of("[a-z0-9 ]{1,8}"))
        .prop_map(|(kind, instance)| AgentId::foreign(kind, instance));
    let kind = prop::sample::select(MessageType::ALL.to_vec());
    let level = prop::sample::select(MessagePriority::SERVED.to_vec());
    let routing = (prop::option::of(".{0,6}"), prop::collection::vec(".{0,6}", 0..3))
        .prop_map(|(topic, tags)| RoutingKey { topic, tags });
    let headers = prop::collection::btree_map(".{1,6}", ".{0,6}", 0..3);
    let text = || prop::option::of(".{0,12}");
    let id = ".{6,20}".prop_filter_map("no control characters", |text| MessageId::new(text).ok());
    let message =
        (id, agent.clone(), agent, kind, payload, level.clone(), routing, text(), headers);
    (message, level, text(), any::<u32>(), text()).prop_map(
        |(message, priority, enqueued_at, delivery_attempts, last_error)| {
            let (id, sender, recipient, kind, payload, level, routing, timestamp, headers) =
                message;
            let payload = Payload::from_json(&payload).expect("it is an object");
            let mut message = AgentMessage::new(id, sender, recipient, kind)
                .with_payload(payload)
                .with_priority(level)
                .with_routing(routing);
            message.timestamp = timestamp;
            for (name, value) in headers {
                message.headers.insert(name, value).expect("both are short");
            }
            let mut queued = QueueMessage::new(message);
            queued.priority = priority;
            queued.enqueued_at = enqueued_at;
            queued.delivery_attempts = delivery_attempts;
            queued.last_error = last_error;
            queued
        },
    )
}

/// Any JSON value of moderate size.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
