//! Python on the same mailbox, on the original's layout: `tests/python/original.py` plays the
//! original's producers and consumers, against this library, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    AgentMessage, DeadBody, FailureType, MailboxPolicy, MessageCoordinator, MessageId,
    MessagePriority, MessageType, NackOutcome, Payload, RoutingKey,
};
use coord_redis::KeyLayout;
use coord_testkit::server::RealServer;
use serde_json::{Value, json};

use crate::harness::{LONG, Random, World, shared};
use crate::python_program::{Python, text, writer};

/// The Python program, on the prefix of a world.
struct Original(Python);

impl Original {
    fn start(world: &World, name: &str) -> Option<Self> {
        Python::start("original", &world.at, &world.prefix, name).map(Self)
    }

    /// One request, one answer; every request is about `writer:w1`.
    fn call(&mut self, verb: &str, mut request: Value) -> Value {
        request[if verb == "send" { "to" } else { "agent" }] = writer();
        self.0.call(verb, request)
    }

    fn send(&mut self, message: &Value) -> String {
        text(&self.call("send", json!({ "message": message })))
    }

    fn receive(&mut self) -> Value {
        self.call("receive", json!({"visibility": 600}))
    }

    fn look(&mut self) -> Value {
        self.call("look", json!({}))
    }
}

async fn scene(name: &str) -> Option<(Arc<RealServer>, World, Original)> {
    let server = shared(name)?;
    // No back-off, so that a retry is due at once.
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
    let world = World::with(&*server, KeyLayout::Tta, policy).await;
    let python = Original::start(&world, name)?;
    Some((server, world, python))
}

/// Payloads as Python writes them, with everything that JSON libraries like to change.
const PAYLOADS: [&str; 9] = [
    r#"{}"#,
    r#"{"k": 1, "a": [], "o": {}, "n": null, "t": true}"#,
    r#"{"f": [1.0, 0.1, 1e+16, 1000000000000000.0, 1e-05, 0.0001, 1.5e+300, -0.0]}"#,
    r#"{"big": 1180591620717411303424, "huge": -99999999999999999999999999}"#,
    r#"{"x": NaN, "y": Infinity, "z": -Infinity}"#,
    r#"{"lone": "\ud800", "pair": "\ud83d\ude00", "other": "\udfff tail"}"#,
    r#"{"s": "\u00e9\u6f22\u2028\u007f\u0000\"\\/\b\f\n\r\t"}"#,
    r#"{"z": 1, "a": 2, "m": {"z": 1, "a": 2}}"#,
    r#"{"\u00e9": "", "": 0}"#,
];

#[tokio::test]
async fn rust_receives_what_python_sends() {
    let Some((_server, world, mut python)) = scene("rust_receives_what_python_sends").await else {
        return;
    };
    for (number, payload) in PAYLOADS.into_iter().enumerate() {
        let level = [9, 5, 1][number % 3];
        let raw = python.send(&json!({
            "message_id": format!("éééé-{number}"),
            "sender": {"type": "input_processor", "instance": null},
            "payload_json": payload,
            "priority": level,
            "routing": {"topic": "t\u{e9}", "tags": ["a", "b"]},
        }));
        assert!(raw.contains(payload), "{raw} has {payload} as Python writes it");
        let received = world.receive().await;
        let (token, message) = (received.token, received.queue_message.message);
        assert_eq!(message.payload.as_json(), payload, "the payload's own bytes");
        assert_eq!(message.message_id.as_str(), format!("éééé-{number}"));
        assert_eq!(message.sender.agent_type(), "input_processor");
        assert_eq!(message.sender.instance(), None);
        assert_eq!(message.recipient, world.to);
        assert_eq!(i64::from(message.priority.number()), level);
        assert_eq!(message.routing.topic.as_deref(), Some("té"));
        assert_eq!(message.routing.tags, ["a", "b"]);
        assert!(received.queue_message.enqueued_at.is_some());
        // What lies there is what Python wrote, under a token of the original's shape.
        let deadline = received.visibility_deadline.as_micros().to_string();
        let hex = token.as_str().strip_prefix("res_").expect("res_");
        assert!(hex.len() == 16 && hex.bytes().all(|it| b"0123456789abcdef".contains(&it)));
        assert_eq!(
            python.look(),
            json!({
                "queue": {"type": "list", "content": [raw]},
                "reserved": {"type": "hash", "content": [token.as_str(), raw]},
                "reserved_deadlines": {"type": "zset", "content": [token.as_str(), deadline]},
            })
        );
        world.mail.ack(&world.to, &token).await.unwrap();
        assert_eq!(python.look(), json!({}), "nothing is left");
    }
}

/// Foreign writers: other separators, missing and unknown fields, odd timestamps and priorities.
#[tokio::test]
async fn rust_receives_what_python_would_accept() {
    let Some((_server, world, mut python)) = scene("rust_receives_what_python_accepts").await
    else {
        return;
    };
    let least = r#""message_id":"msg-000001","sender":{"type":"x"},"recipient":{"type":"y"},"message_type":"event""#;
    for (raw, level) in [
        (format!(r#"{{"message":{{{least}}}}}"#), MessagePriority::Normal),
        (
            format!(r#"{{"message":{{{least},"priority":"9"}},"priority":"9"}}"#),
            MessagePriority::High,
        ),
        (
            format!(r#"{{"message":{{{least},"priority":1.0}},"priority":true}}"#),
            MessagePriority::Low,
        ),
        (
            format!(
                "{{ \"z\" : [1 , 2],\n\"message\":{{{least},\"timestamp\":\"not a date\",\"q\":{{}}}},\"enqueued_at\":null}}"
            ),
            MessagePriority::Normal,
        ),
        (format!(r#"{{"message":{{{least},"payload":{{"é":"漢"}}}}}}"#), MessagePriority::Normal),
    ] {
        python.call("raw", json!({"raw": raw, "level": 5}));
        let received = world.receive().await;
        assert_eq!(received.queue_message.priority, level, "{raw}");
        let nacked = world
            .mail
            .nack(&world.to, &received.token, FailureType::Transient, Some("bö\"m"))
            .await
            .unwrap();
        assert!(matches!(nacked, NackOutcome::Retry { attempts: 1, .. }), "{nacked:?}");
        // Only the two fields changed, or were added: every other byte is where it was.
        let look = python.look();
        let new = text(&look["queue"]["content"][0]);
        let fields = r#""delivery_attempts": 1, "last_error": "b\u00f6\"m""#;
        let body = raw.strip_suffix('}').unwrap();
        assert_eq!(new, format!("{body}, {fields}}}"), "unknown fields stay");
        let schedule = &look[format!("sched:{}", level.number())]["content"];
        assert_eq!(schedule[0], new.as_str(), "{look}");
        let received = world.receive().await;
        assert_eq!(received.queue_message.last_error.as_deref(), Some("bö\"m"));
        world.mail.ack(&world.to, &received.token).await.unwrap();
        assert_eq!(python.look(), json!({}));
    }
}

#[tokio::test]
async fn python_receives_what_rust_sends() {
    let Some((_server, world, mut python)) = scene("python_receives_what_rust_sends").await else {
        return;
    };
    // Floats of every size, from random bits.
    let mut random = Random::seeded("python_receives_what_rust_sends");
    let bits = std::iter::repeat_with(|| f64::from_bits(random.next()));
    let mut floats = vec![1.0, 0.1, 1e16, 1e15, 1e-5, 1e-4, 1.5e300, -0.0, 257_714_045_233_144.13];
    floats.extend(bits.filter(|it| it.is_finite()).take(1_000));
    let near: Vec<f64> = floats.iter().map(|it| (it % 1e7) / 1e3).collect();
    let bodies = [
        json!({ "floats": floats, "near": near }),
        json!({}),
        json!({"k": 1, "a": [], "o": {}, "n": null, "t": true, "neg": -7}),
        json!({"i": [i64::MIN, u64::MAX]}),
        json!({"s": "é漢😀\u{2028}\u{7f}\0\"\\/\u{8}\u{c}\n\r\t"}),
        json!({"é": "", "": 0, "nested": [[{}], {"a": [{}]}]}),
    ];
    let levels = [MessagePriority::High, MessagePriority::Normal, MessagePriority::Low];
    for (number, body) in bodies.iter().enumerate() {
        let level = levels[number % 3];
        let routing = RoutingKey { topic: Some("té".to_owned()), tags: vec!["a".to_owned()] };
        let message = world
            .message("{}")
            .with_payload(Payload::new(body).unwrap())
            .with_priority(level)
            .with_routing(if number == 0 { RoutingKey::default() } else { routing });
        let id = message.message_id.clone();
        let before = crate::harness::server_micros(&world.at);
        assert!(
            world.mail.send_message(&world.from, &world.to, message).await.unwrap().delivered()
        );
        let after = crate::harness::server_micros(&world.at);
        let look = python.look();
        let raw = text(&look["queue"]["content"][0]);
        let schedule = &look[format!("sched:{}", level.number())];
        assert_eq!(look.as_object().unwrap().len(), 2, "the list and one schedule: {look}");
        assert_eq!((&look["queue"]["type"], &schedule["type"]), (&json!("list"), &json!("zset")));
        assert_eq!(schedule["content"][0], raw.as_str());
        let score: u64 = text(&schedule["content"][1]).parse().expect("whole microseconds");
        assert!((before..=after).contains(&score), "{before} {score} {after}");
        let received = python.receive();
        assert_eq!(received["raw"], raw.as_str());
        for check in ["round_trips", "in_order", "timestamps"] {
            assert_eq!(received[check], json!(true), "{check}: {:.2000}", raw);
        }
        assert_eq!(received["message_id"], id.as_str());
        let payload = text(&received["payload_json"]);
        if number == 0 {
            // This library's JSON reader is not exact to the last bit, parsing a number is.
            let numbers =
                payload.split(['[', ']', ',', ' ']).filter_map(|it| it.parse::<f64>().ok());
            assert!(numbers.eq(floats.iter().chain(&near).copied()), "a float changed");
        } else {
            assert_eq!(serde_json::from_str::<Value>(&payload).unwrap(), *body, "{raw}");
        }
        let acked = python.call("ack", json!({"token": received["token"]}));
        assert_eq!(acked, json!(true));
        assert_eq!(python.look(), json!({}), "nothing is left");
    }
}

/// A payload that only Python can write passes through Rust unchanged, also by way of a nack.
#[tokio::test]
async fn payloads_survive_the_way_there_and_back() {
    let Some((_server, world, mut python)) = scene("payloads_survive").await else { return };
    for payload in PAYLOADS {
        let raw = python.send(&json!({"message_id": "msg-000001", "payload_json": payload}));
        let received = world.receive().await;
        world
            .mail
            .nack(&world.to, &received.token, FailureType::Timeout, Some("boom é"))
            .await
            .unwrap();
        // Exactly what the original's own nack would have written.
        let wanted = raw.replace(
            r#""delivery_attempts": 0, "last_error": null}"#,
            r#""delivery_attempts": 1, "last_error": "boom \u00e9"}"#,
        );
        assert_ne!(raw, wanted);
        let received = python.receive();
        assert_eq!(received["raw"], wanted.as_str());
        assert_eq!(received["round_trips"], json!(true));
        assert_eq!(received["payload_json"], payload);
        // And once more, by the original's nack; then sent on by Rust as its own.
        let token = &received["token"];
        let request = json!({"token": token, "permanent": false, "error": "again"});
        assert_eq!(python.call("nack", request), json!(true));
        let received = world.receive().await;
        assert_eq!(received.queue_message.delivery_attempts, 2);
        assert_eq!(received.queue_message.last_error.as_deref(), Some("again"));
        world.mail.ack(&world.to, &received.token).await.unwrap();
        let onward = world.message("{}").with_payload(received.queue_message.message.payload);
        world.mail.send_message(&world.from, &world.to, onward).await.unwrap();
        let received = python.receive();
        assert_eq!(received["payload_json"], payload);
        assert_eq!(received["round_trips"], json!(true));
        python.call("ack", json!({"token": received["token"]}));
        assert_eq!(python.look(), json!({}));
    }
}

#[tokio::test]
async fn each_settles_what_the_other_reserved() {
    let Some((_server, world, mut python)) = scene("each_settles_the_others").await else { return };
    let mail = &world.mail;
    world.send("{}").await;
    let ours = world.receive().await.token;
    assert_eq!(python.call("ack", json!({"token": ours.as_str()})), json!(true));
    assert!(mail.ack(&world.to, &ours).await.unwrap_err().is_reservation_lost());

    let reserve = |python: &mut Original| {
        text(&python.receive()["token"]).parse::<coord_core::ReservationToken>().unwrap()
    };
    python.send(&json!({"message_id": "msg-000001"}));
    let token = reserve(&mut python);
    let deadline =
        mail.extend(&world.to, &token, LONG).await.unwrap().deadline.as_micros().to_string();
    assert_eq!(
        python.look()["reserved_deadlines"]["content"],
        json!([token.as_str(), deadline]),
        "whole microseconds"
    );
    mail.release(&world.to, &token).await.unwrap();
    let token = reserve(&mut python);
    let nacked = mail.nack(&world.to, &token, FailureType::Transient, None).await.unwrap();
    assert!(matches!(nacked, NackOutcome::Retry { attempts: 1, .. }), "{nacked:?}");
    let token = reserve(&mut python);
    mail.ack(&world.to, &token).await.unwrap();
    assert_eq!(python.call("ack", json!({"token": token.as_str()})), json!(false));
    assert_eq!(python.look(), json!({}));
}

#[tokio::test]
async fn each_recovers_what_the_other_let_expire() {
    let Some((_server, world, mut python)) = scene("each_recovers_the_others").await else {
        return;
    };
    let id = world.send_at("{}", MessagePriority::High).await;
    let raw = text(&python.look()["queue"]["content"][0]);
    world.mail.receive(&world.to, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(python.call("recover", json!({})), json!(1));
    // The original counts no attempt: the bytes are the same.
    let look = python.look();
    assert_eq!(look["sched:9"]["content"][0], raw.as_str(), "{look}");
    assert_eq!(look["queue"]["content"], json!([raw]));
    let expired = python.call("receive", json!({"visibility": 0}));
    assert_eq!(expired["message_id"], id.as_str());
    assert_eq!(world.mail.recover_pending(None).await.unwrap(), 1);
    // Ours does.
    let received = python.receive();
    assert_eq!(received["attempts"], json!(1));
    assert_eq!(received["last_error"], json!("visibility timeout expired"));
    assert_eq!(received["round_trips"], json!(true));
    python.call("ack", json!({"token": received["token"]}));
    assert_eq!(python.look(), json!({}));
}

#[tokio::test]
async fn both_bury_in_one_place() {
    let Some((_server, world, mut python)) = scene("both_bury_in_one_place").await else { return };
    let raw = python.send(&json!({"message_id": "msg-000001", "payload_json": PAYLOADS[4]}));
    let received = world.receive().await;
    world
        .mail
        .nack(&world.to, &received.token, FailureType::Permanent, Some("no use"))
        .await
        .unwrap();
    let wanted = raw.replace(
        r#""delivery_attempts": 0, "last_error": null}"#,
        r#""delivery_attempts": 1, "last_error": "no use"}"#,
    );
    assert_eq!(python.call("dead", json!({})), json!([wanted]));
    python.send(&json!({"message_id": "msg-000002"}));
    let token = python.receive()["token"].take();
    let request = json!({"token": token, "permanent": true, "error": "nor this"});
    python.call("nack", request);
    let errors: Vec<_> = world
        .dead()
        .await
        .into_iter()
        .map(|letter| match letter.body {
            DeadBody::Message(dead) => (dead.message.message_id, dead.last_error),
            DeadBody::Unreadable { .. } => panic!("{letter:?}"),
        })
        .collect();
    let id = |text: &str| MessageId::new(text).unwrap();
    assert_eq!(
        errors,
        [
            (id("msg-000001"), Some("no use".to_owned())),
            (id("msg-000002"), Some("nor this".to_owned())),
        ]
    );
    assert_eq!(python.look().as_object().unwrap().len(), 1, "only the dead are left");
}

#[tokio::test]
async fn both_record_subscriptions_in_one_place() {
    let Some((_server, world, mut python)) = scene("both_subscribe").await else { return };
    python.call("subscribe", json!({"types": ["request"]}));
    let ours = world.mail.subscribe_to_messages(&world.to, &MessageType::ALL).await.unwrap();
    assert_eq!(python.call("subscriptions", json!({})), json!(["event", "request", "response"]));
    assert_eq!(python.look()["subs"]["type"], json!("set"));
    ours.close().await.unwrap();
    assert_eq!(python.call("subscriptions", json!({})), json!(["request"]), "Python's own stays");
}

/// Producers of both languages on one mailbox: nothing is lost, and each one's order is kept.
#[tokio::test]
async fn producers_of_both_languages_mix() {
    const EACH: usize = 100;
    let Some((_server, world, mut python)) = scene("producers_mix").await else { return };
    for number in 0..EACH {
        python.send(&json!({"message_id": format!("python-{number:04}")}));
        let id = MessageId::new(format!("rust-{number:04}")).unwrap();
        let message =
            AgentMessage::new(id, world.from.clone(), world.to.clone(), MessageType::Event);
        assert!(
            world.mail.send_message(&world.from, &world.to, message).await.unwrap().delivered()
        );
    }
    let mut came = [Vec::new(), Vec::new()];
    while let Some(received) = world.maybe_receive().await {
        let id = received.queue_message.message.message_id.to_string();
        came[usize::from(id.starts_with("rust"))].push(id);
        world.mail.ack(&world.to, &received.token).await.unwrap();
    }
    for ids in came {
        assert_eq!(ids.len(), EACH);
        assert!(ids.is_sorted(), "{ids:?}");
    }
    assert_eq!(python.look(), json!({}));
}
