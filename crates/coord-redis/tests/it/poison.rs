//! Bytes that are no message never block a mailbox: they land in the dead-letter queue, with a
//! reason, and the messages around them are served.

use std::collections::BTreeSet;
use std::time::Duration;

use coord_core::{DeadBody, MailboxPolicy, MessageCoordinator, MessagePriority};
use coord_redis::KeyLayout;
use coord_testkit::server::Frame;

use crate::harness::{LONG, World, server_micros, server_time_passes, shared};

const SENDER: &str = r#""sender": {"type": "x"}, "recipient": {"type": "y"}"#;

/// Stored bytes of the original's layout, and a word of the reason.
fn tta_poison() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: String| text.into_bytes();
    let message =
        |rest: &str| text(format!(r#"{{"message": {{"message_id": "msg-000001", {rest}}}}}"#));
    vec![
        (vec![0xff, 0xfe, 0x00], "UTF-8"),
        (b"{\"message\": {\"payload\": \"\xc3\"}}".to_vec(), "UTF-8"),
        (b"".to_vec(), "JSON"),
        (b"\0".to_vec(), "JSON"),
        (b"{\"message\": {\"message_id\": \"msg".to_vec(), "JSON"),
        (b"null".to_vec(), "JSON"),
        (b"[1]".to_vec(), "JSON"),
        (b"\"text\"".to_vec(), "JSON"),
        (b"{} {}".to_vec(), "JSON"),
        (b"{}".to_vec(), "message"),
        (b"{\"message\": null}".to_vec(), "message"),
        (message(r#""message_type": "event""#), "sender"),
        (message(SENDER), "message_type"),
        (message(&format!(r#"{SENDER}, "message_type": "EVENT""#)), "message_type"),
        (message(&format!(r#"{SENDER}, "message_type": 1"#)), "message_type"),
        (message(&format!(r#"{SENDER}, "message_type": "event", "priority": 7"#)), "priority"),
        (message(&format!(r#"{SENDER}, "message_type": "event", "payload": []"#)), "payload"),
        (message(&format!(r#"{SENDER}, "message_type": "event", "routing": 3"#)), "routing"),
        (message(&format!(r#"{SENDER}, "message_type": "event", "timestamp": 3"#)), "timestamp"),
        (vec![b'['; 100_000], "JSON"),
    ]
}

#[tokio::test]
async fn poison_of_other_writers_is_buried() {
    let Some(server) = shared("poison_of_other_writers_is_buried") else { return };
    let world = World::new(&*server, KeyLayout::Tta).await;
    let poison = tta_poison();
    for (number, (bytes, _)) in poison.iter().enumerate() {
        inject(&world, bytes, [9, 5, 1][number % 3]);
    }
    let id = world.send_at("{}", MessagePriority::Low).await;
    let received = world.receive().await;
    assert_eq!(received.queue_message.message.message_id, id, "one receive passes over all");
    world.mail.ack(&world.to, &received.token).await.unwrap();
    assert!(world.maybe_receive().await.is_none());
    assert_buried(&world, &poison).await;
}

/// The original's consumer may die with poison in its hands: recovery buries it too.
#[tokio::test]
async fn expired_poison_is_buried() {
    let Some(server) = shared("expired_poison_is_buried") else { return };
    let poison = tta_poison();
    for by_receive in [true, false] {
        let world = World::new(&*server, KeyLayout::Tta).await;
        let mut raw = world.raw();
        for (number, (bytes, _)) in poison.iter().enumerate() {
            let token = format!("res_{number:016x}");
            let (queue, reserved) = (world.key("queue"), world.key("reserved"));
            let deadlines = world.key("reserved_deadlines");
            let push: [&[u8]; 3] = [b"RPUSH", queue.as_bytes(), bytes];
            raw.checked(&push).unwrap();
            let set: [&[u8]; 4] = [b"HSET", reserved.as_bytes(), token.as_bytes(), bytes];
            raw.checked(&set).unwrap();
            raw.checked(&["ZADD", &deadlines, "1", &token]).unwrap();
        }
        // A deadline whose token holds nothing goes as well.
        raw.checked(&["ZADD", &world.key("reserved_deadlines"), "1", "res_ffffffffffffffff"])
            .unwrap();
        if by_receive {
            assert!(world.maybe_receive().await.is_none());
        } else {
            let recovered = world.mail.recover_pending(Some(&world.to)).await.unwrap();
            assert_eq!(recovered, poison.len() as u64);
        }
        assert_buried(&world, &poison).await;
        let left = raw.checked(&["EXISTS", &world.key("reserved_deadlines")]).unwrap();
        assert_eq!(left, Frame::Integer(0));
    }
}

fn inject(world: &World, bytes: &[u8], level: u8) {
    let now = server_micros(&world.at).to_string();
    let (queue, schedule) = (world.key("queue"), format!("{}:prio:{level}", world.key("sched")));
    let mut raw = world.raw();
    let push: [&[u8]; 3] = [b"RPUSH", queue.as_bytes(), bytes];
    raw.checked(&push).unwrap();
    let add: [&[u8]; 4] = [b"ZADD", schedule.as_bytes(), now.as_bytes(), bytes];
    raw.checked(&add).unwrap();
}

/// All of it lies in the dead-letter queue as it was, with its reason, and nowhere else.
async fn assert_buried(world: &World, poison: &[(Vec<u8>, &str)]) {
    let letters = world.dead().await;
    assert_eq!(letters.len(), poison.len());
    for (bytes, word) in poison {
        let text = String::from_utf8_lossy(bytes);
        let reason = letters.iter().find_map(|letter| match &letter.body {
            DeadBody::Unreadable { raw, reason } if *raw == text => Some(reason),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| panic!("{text} is not there"));
        assert!(reason.contains(word), "{text}: {reason}");
    }
    if world.layout == KeyLayout::Tta {
        let stored = world.at.command(&["LRANGE", &world.key("dlq"), "0", "-1"]);
        let Frame::Array(stored) = stored else { panic!("{stored:?}") };
        let stored: BTreeSet<Frame> = stored.into_iter().collect();
        for (bytes, _) in poison {
            assert!(stored.contains(&Frame::Bulk(bytes.clone())), "its bytes changed");
        }
    }
    let stats = world.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.ready.total()), (0, 0, 0), "{stats:?}");
    assert_eq!(stats.dead, poison.len() as u64);
}

/// Damage done to a record of the compact layout: what lies there instead.
fn damages(record: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (text(""), "header"),
        (text("nonsense"), "header"),
        (vec![0xff; 40], "header"),
        (text("0:5:0:1"), "header"),
        (text("0:7:0:1:0:{}"), "header"),
        (text("99999999999:5:0:1:0:{}"), "header"),
        (text("0:5:0:1:99999:{}"), "header"),
        (text("0:5:0:1:99999999999999999999999:{}"), "header"),
        (text("0:5:0:1:0:"), "JSON"),
        (text("0:5:0:1:0:{}"), "message_id"),
        // It says that it expires, but no timer stands for it.
        (text("0:5:1:1:0:{}"), "message_id"),
        (b"0:5:0:1:0:{\"message_id\": \"\xff\"}".to_vec(), "UTF-8"),
        (record[..record.len() - 2].to_vec(), "JSON"),
    ]
}

#[tokio::test]
async fn damaged_records_are_buried() {
    let Some(server) = shared("damaged_records_are_buried") else { return };
    // Damaged while waiting, or while reserved and taken back by a receive or a recovery, where
    // expiry counts (the script has to rewrite the record) and where it does not.
    for (reserved, by_receive, counts) in [
        (false, true, true),
        (true, true, true),
        (true, false, true),
        (true, true, false),
        (true, false, false),
    ] {
        let expiry = if counts {
            coord_core::ExpiryPolicy::CountAttempt
        } else {
            coord_core::ExpiryPolicy::KeepAttempts
        };
        let policy = MailboxPolicy::new().with_expiry(expiry);
        let world = World::with(&*server, KeyLayout::Compact, policy).await;
        let mut raw = world.raw();
        world.send("{}").await;
        let messages = world.key("messages");
        let Frame::Array(pair) = raw.checked(&["HGETALL", &messages]).unwrap() else { panic!() };
        let Frame::Bulk(record) = &pair[1] else { panic!("{pair:?}") };
        let damages = damages(record);
        let received = world.receive().await;
        world.mail.ack(&world.to, &received.token).await.unwrap();
        let visibility = if reserved { Duration::from_millis(1) } else { LONG };
        for (bytes, _) in &damages {
            world.send("{}").await;
            let Frame::Array(lids) =
                raw.checked(&["ZRANGE", &world.key("ready"), "-1", "-1"]).unwrap()
            else {
                panic!()
            };
            let [Frame::Bulk(lid)] = &lids[..] else { panic!("{lids:?}") };
            if reserved {
                world.mail.receive(&world.to, visibility).await.unwrap().unwrap();
            }
            let set: [&[u8]; 4] = [b"HSET", messages.as_bytes(), lid, bytes];
            raw.checked(&set).unwrap();
            if reserved {
                server_time_passes(&world.at, visibility).await;
                if !by_receive {
                    world.mail.recover_pending(Some(&world.to)).await.unwrap();
                }
            }
            // In the way of the next one, which is served all the same.
            let id = world.send_at("{}", MessagePriority::Low).await;
            let received = world.receive().await;
            assert_eq!(received.queue_message.message.message_id, id);
            world.mail.ack(&world.to, &received.token).await.unwrap();
        }
        let stats = world.stats().await;
        assert_eq!((stats.depth, stats.reserved), (0, 0), "{reserved} {by_receive}: {stats:?}");
        let reasons: Vec<String> = world
            .dead()
            .await
            .into_iter()
            .map(|letter| match letter.body {
                DeadBody::Unreadable { reason, .. } => reason,
                DeadBody::Message(message) => panic!("{message:?}"),
            })
            .collect();
        assert_eq!(reasons.len(), damages.len(), "{reserved} {by_receive}: {reasons:?}");
        for ((_, word), reason) in damages.iter().zip(&reasons) {
            assert!(reason.contains(word), "{word}: {reason}");
        }
    }
}

/// An id without its record (somebody deleted it) is passed over.
#[tokio::test]
async fn a_missing_record_blocks_nobody() {
    let Some(server) = shared("a_missing_record_blocks_nobody") else { return };
    let world = World::new(&*server, KeyLayout::Compact).await;
    world.send("{}").await;
    world.at.command(&["DEL", &world.key("messages")]);
    let id = world.send("{}").await;
    let received = world.mail.receive(&world.to, Duration::from_millis(1)).await.unwrap().unwrap();
    assert_eq!(received.queue_message.message.message_id, id);
    world.at.command(&["DEL", &world.key("messages")]);
    server_time_passes(&world.at, Duration::from_millis(1)).await;
    assert!(world.maybe_receive().await.is_none());
    let stats = world.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (0, 0, 0), "{stats:?}");
    let id = world.send("{}").await;
    assert_eq!(world.receive().await.queue_message.message.message_id, id);
}
