//! Python producers and consumers that crash between two commands, on the original's layout:
//! what they leave is restored, beside Rust producers and by Rust consumers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    AgentMessage, DeadSelection, MailboxPolicy, MessageCoordinator, MessageId, MessagePriority,
    MessageType, Reconciliation, ReservationToken, SendOptions,
};
use coord_redis::KeyLayout;
use coord_testkit::server::RealServer;
use serde_json::{Value, json};

use crate::harness::{LONG, Random, World, agent, shared};
use crate::python_program::{Python, text, writer};

async fn scene(name: &str) -> Option<(Arc<RealServer>, Arc<World>, Python)> {
    let server = shared(name)?;
    // No back-off, so that a retry is due at once, and retries enough for every crash.
    let policy = MailboxPolicy::new()
        .with_backoff(Duration::ZERO, 2.0, Duration::ZERO)
        .with_retry_attempts(1_000);
    let world = Arc::new(World::with(&*server, KeyLayout::Tta, policy).await);
    let fleet = Python::start("fleet", &world.at, &world.prefix, name)?;
    Some((server, world, fleet))
}

impl World {
    /// What is left of a crash: two passes and the time until every deadline, then all messages.
    async fn restored(&self) -> Vec<String> {
        for _ in 0..2 {
            self.mail.reconcile(&self.to, Duration::ZERO).await.expect("reconciling works");
        }
        // Instead of waiting: every deadline lies in the past, also those just given.
        let deadlines = self.key("reserved_deadlines");
        let script = "for _, token in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do \
                      redis.call('ZADD', KEYS[1], 1, token) end";
        self.at.command(&["EVAL", script, "1", &deadlines]);
        self.mail.recover_pending(Some(&self.to)).await.expect("recovering works");
        let mut ids = Vec::new();
        while let Some(received) = self.maybe_receive().await {
            self.mail.ack(&self.to, &received.token).await.expect("it is reserved");
            ids.push(received.queue_message.message.message_id.to_string());
        }
        ids
    }

    /// Everything of the mailbox but the dead and what only counts.
    fn is_empty(&self) -> bool {
        let mut raw = self.raw();
        let parts = ["queue", "reserved", "reserved_deadlines", "suspects"].map(|it| self.key(it));
        let schedules = [9, 5, 1].map(|level| format!("{}:prio:{level}", self.key("sched")));
        let mut exists = vec!["EXISTS"];
        exists.extend(parts.iter().chain(&schedules).map(String::as_str));
        raw.checked(&exists).expect("EXISTS") == coord_testkit::server::Frame::Integer(0)
    }
}

/// What becomes of a message whose operation crashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Dead,
    /// It was never there, or is settled.
    Gone,
    /// The one thing that nothing can restore.
    Lost,
}

/// Every operation of the original, and what becomes of its message if the process dies after its
/// first reply, its second and so on; the last one is the whole operation.
const CRASHES: &[(&str, &[Fate])] = {
    use Fate::{Dead, Delivered, Gone, Lost};
    &[
        ("send", &[Gone, Delivered, Delivered]),
        ("receive", &[Delivered; 5]),
        ("ack", &[Delivered, Delivered, Delivered, Gone]),
        ("nack", &[Delivered, Delivered, Delivered, Lost, Delivered, Delivered]),
        ("bury", &[Delivered, Delivered, Delivered, Lost, Delivered, Dead, Dead]),
        ("recover", &[Delivered; 5]),
    ]
};

#[tokio::test]
async fn a_crash_after_any_command_is_restored() {
    let name = "a_crash_after_any_command_is_restored";
    let Some((_server, world, mut fleet)) = scene(name).await else { return };
    let mut original = Python::start("original", &world.at, &world.prefix, name).expect("as above");
    let mut number = 0;
    for (verb, fates) in CRASHES {
        for (before, fate) in fates.iter().enumerate() {
            let after = before + 1;
            number += 1;
            let id = format!("crash-{number:03}");
            let message = json!({ "message_id": id });
            let mut request = json!({"verb": verb, "after": after, "agent": writer()});
            if *verb == "send" {
                request = json!({"verb": verb, "after": after, "to": writer(), "message": message});
            } else if number % 2 == 0 {
                // Every other one is a message of ours.
                let id = MessageId::new(id.as_str()).expect("valid");
                let (from, to) = (world.from.clone(), world.to.clone());
                let message = AgentMessage::new(id, from, to, MessageType::Event);
                world.mail.send_message(&world.from, &world.to, message).await.expect("sends");
            } else {
                original.call("send", json!({"to": writer(), "message": message}));
            }
            let receive = |original: &mut Python, visibility: u64| {
                let request = json!({"agent": writer(), "visibility": visibility});
                text(&original.call("receive", request)["token"])
            };
            match *verb {
                "receive" => request["visibility"] = 600.into(),
                "recover" => drop(receive(&mut original, 0)),
                "ack" => request["token"] = receive(&mut original, 600).into(),
                "nack" | "bury" => {
                    request["token"] = receive(&mut original, 600).into();
                    request["permanent"] = (*verb == "bury").into();
                    request["error"] = "boom".into();
                    request["verb"] = "nack".into();
                }
                _ => {}
            }
            assert_eq!(fleet.call("crash", request), json!(true), "{verb} dies after {after}");
            let case = format!("{verb}, dead after {after} replies");
            let delivered: BTreeSet<_> = world.restored().await.into_iter().collect();
            let wanted = BTreeSet::from_iter((*fate == Fate::Delivered).then(|| id.clone()));
            assert_eq!(delivered, wanted, "{case}");
            assert!(world.is_empty(), "{case}: something is left");
            let dead = world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purges");
            assert_eq!(dead, u64::from(*fate == Fate::Dead), "{case}");
            let pass = world.mail.reconcile(&world.to, Duration::ZERO).await.expect("works");
            assert_eq!(pass, Reconciliation::default(), "{case}");
        }
    }
}

/// Producers of both languages, one of them crashing; a consumer that crashes in every third step;
/// a reconciliation all the while, with a grace: every one of 500 messages is settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_of_five_hundred() {
    const EACH: usize = 250;
    let name = "five_hundred_of_five_hundred";
    let Some((_server, world, mut consumer)) = scene(name).await else { return };
    let mut producer = Python::start("fleet", &world.at, &world.prefix, name).expect("as above");
    let seed = Random::seeded(name).next();
    let producing = tokio::task::spawn_blocking(move || {
        let request = json!({"to": writer(), "name": "python", "count": EACH, "seed": seed});
        producer.call("produce", request)
    });
    let consuming = tokio::task::spawn_blocking(move || {
        let until = EACH + EACH / 2;
        consumer.call("consume", json!({"agent": writer(), "until": until, "seed": seed ^ 1}))
    });
    let mut sent = BTreeSet::from_iter((0..EACH).map(|number| format!("python-{number:06}")));
    for number in 0..EACH {
        let id = MessageId::new(format!("rust-{number:06}")).expect("valid");
        let level = MessagePriority::from_number([9, 5, 1][number % 3]).expect("a level");
        let message =
            AgentMessage::new(id, world.from.clone(), world.to.clone(), MessageType::Event)
                .with_priority(level);
        world.mail.send_message(&world.from, &world.to, message).await.expect("sends");
        sent.insert(format!("rust-{number:06}"));
        if number % 25 == 0 {
            // Nothing is lost for so long that it would be touched.
            let pass = world.mail.reconcile(&world.to, LONG).await.expect("reconciles");
            assert_eq!((pass.redriven, pass.leaks_removed), (0, 0), "{pass:?}");
        }
    }
    assert_eq!(producing.await.expect("Python produces"), json!(EACH));
    let done = consuming.await.expect("Python consumes");
    let crashes = done["crashes"].as_u64().expect("a count");
    assert!(crashes > 50, "only {crashes} crashes");
    let settled = done["settled"].as_array().expect("ids").iter().map(text);
    let mut settled: BTreeSet<String> = settled.collect();
    let by_python = settled.len();

    let before = world.stats().await;
    let lost = before.depth - before.ready.total() - before.delayed - before.reserved;
    assert!(lost > 20, "the crashes lost only {lost} of {}: {before:?}", before.depth);
    settled.extend(world.restored().await);
    // What the original nacked more than three times is dead, as it should be.
    let dead = world.mail.redrive(&world.to, &DeadSelection::all(), 500).await.expect("redrives");
    assert!(dead < 100, "{dead} are dead");
    settled.extend(world.restored().await);
    let missing: Vec<_> = sent.difference(&settled).collect();
    assert!(missing.is_empty(), "{by_python} settled by Python, missing: {missing:?}");
    assert_eq!(settled, sent);
    assert_eq!(settled.len(), 500);
    assert!(world.is_empty(), "something is left");
}

/// What the tests of single operations do not show: forwarding, redriving and purging what the
/// other one has reserved or buried.
#[tokio::test]
async fn each_hands_on_what_the_other_holds() {
    let name = "each_hands_on_what_the_other_holds";
    let Some((_server, world, _fleet)) = scene(name).await else { return };
    let mut original = Python::start("original", &world.at, &world.prefix, name).expect("as above");
    let reserve = |original: &mut Python, agent: Value| {
        original.call("receive", json!({"agent": agent, "visibility": 600}))
    };
    let send = |original: &mut Python, id: &str| {
        original.call("send", json!({"to": writer(), "message": {"message_id": id}}));
    };
    // Ours forwards what Python reserved; Python receives it there.
    send(&mut original, "msg-000001");
    let token = text(&reserve(&mut original, writer())["token"]);
    let token: ReservationToken = token.parse().expect("a token of the original's shape");
    let other = agent("reader:r1");
    let message = world.message(r#"{"handed": "on"}"#);
    let forwarded =
        world.mail.forward(&world.to, &token, &other, message, SendOptions::new()).await;
    assert!(forwarded.expect("it is reserved").delivered());
    assert!(world.is_empty());
    let reader = json!({"type": "reader", "instance": "r1"});
    let received = reserve(&mut original, reader.clone());
    assert_eq!(received["payload_json"], r#"{"handed": "on"}"#);
    let ack = json!({"agent": reader, "token": received["token"]});
    assert_eq!(original.call("ack", ack), json!(true));

    // Ours puts back what Python buried; Python takes it with its attempts reset.
    for id in ["msg-000002", "msg-000003"] {
        send(&mut original, id);
        let token = text(&reserve(&mut original, writer())["token"]);
        let nack = json!({"agent": writer(), "token": token, "permanent": true, "error": "no"});
        assert_eq!(original.call("nack", nack), json!(true));
    }
    let second = DeadSelection::ids(vec![MessageId::new("msg-000002").expect("valid")]);
    assert_eq!(world.mail.redrive(&world.to, &second, 10).await.expect("redrives"), 1);
    let received = reserve(&mut original, writer());
    assert_eq!((&received["message_id"], &received["attempts"]), (&json!("msg-000002"), &json!(0)));
    assert_eq!(received["round_trips"], json!(true));
    let ack = json!({"agent": writer(), "token": received["token"]});
    assert_eq!(original.call("ack", ack), json!(true));
    assert_eq!(original.call("dead", json!({"agent": writer()})).as_array().unwrap().len(), 1);
    assert_eq!(world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purges"), 1);
    assert_eq!(original.call("look", json!({"agent": writer()})), json!({}));

    // Python settles what was handed to one who waited; one who waits hears of Python's send.
    let waiter = world.another().await;
    let to = world.to.clone();
    let waiting = tokio::spawn(async move { waiter.receive_wait(&to, LONG, LONG).await });
    send(&mut original, "msg-000004");
    let received = waiting.await.expect("no panic").expect("receives").expect("it was sent");
    let ack = json!({"agent": writer(), "token": received.token.as_str()});
    assert_eq!(original.call("ack", ack), json!(true));
    assert!(world.is_empty());
}
