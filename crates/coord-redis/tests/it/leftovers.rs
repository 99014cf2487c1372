//! What a dead letter leaves behind in Redis when it is gone: nothing that an acknowledged
//! message does not leave too.

use std::collections::BTreeSet;

use coord_core::{DeadBody, DeadSelection, FailureType, MessageCoordinator};
use coord_redis::KeyLayout;
use coord_testkit::fake_redis::Reply;
use coord_testkit::server::Frame;
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{At, Fake, World, break_scripts};

/// Names of the keys there are.
fn keys(server: &FakeRedis) -> BTreeSet<String> {
    let Reply::Array(keys) = server.command(["KEYS", "*"]) else { panic!("no array") };
    let name = |key: Reply| match key {
        Reply::Bulk(name) => String::from_utf8_lossy(&name).into_owned(),
        other => panic!("no key: {other:?}"),
    };
    keys.into_iter().map(name).collect()
}

async fn dead_letters_leave_nothing(layout: KeyLayout) {
    let fake = Fake::start(Clock::system());
    break_scripts(&fake.server);
    let world = World::new(At::from(&fake), layout).await;
    let settle = async || {
        let token = world.receive().await.token;
        world.mail.ack(&world.to, &token).await.expect("it is reserved");
    };
    let bury = async || {
        world.send("{}").await;
        let token = world.receive().await.token;
        let nacked = world.mail.nack(&world.to, &token, FailureType::Permanent, None).await;
        nacked.expect("it is reserved");
    };
    world.send("{}").await;
    settle().await;
    let idle = keys(&fake.server);

    bury().await;
    assert_ne!(keys(&fake.server), idle, "a dead letter is kept somewhere");
    let purged = world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purging works");
    assert_eq!((purged, keys(&fake.server)), (1, idle.clone()), "after a purge");

    bury().await;
    let redriven = world.mail.redrive(&world.to, &DeadSelection::all(), 10).await;
    assert_eq!(redriven.expect("redriving works"), 1);
    settle().await;
    assert_eq!(keys(&fake.server), idle, "after a redrive");

    let limited = world.mail.policy().with_dead_limit(std::num::NonZeroU64::new(1));
    world.mail.configure(limited).expect("it is valid");
    bury().await;
    bury().await;
    let purged = world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purging works");
    assert_eq!((purged, keys(&fake.server)), (1, idle), "of one that was dropped");
}

#[tokio::test]
async fn compact_dead_letters_leave_nothing() {
    dead_letters_leave_nothing(KeyLayout::Compact).await;
}

#[tokio::test]
async fn tta_dead_letters_leave_nothing() {
    dead_letters_leave_nothing(KeyLayout::Tta).await;
}

/// What cannot be read is kept as it is among the dead.
#[tokio::test]
async fn compact_poison_is_kept_as_it_is() {
    let fake = Fake::start(Clock::system());
    break_scripts(&fake.server);
    let world = World::new(At::from(&fake), KeyLayout::Compact).await;
    world.send("{}").await;
    let messages = world.key("messages");
    let Reply::Array(lids) = fake.server.command(["HKEYS", &messages]) else { panic!("no lids") };
    let [Reply::Bulk(lid)] = &lids[..] else { panic!("{lids:?}") };
    let lid = String::from_utf8_lossy(lid).into_owned();
    let replaced = fake.server.command(["HSET", &messages, &lid, "poison"]);
    assert_eq!(replaced, Reply::Integer(0));
    assert!(world.maybe_receive().await.is_none());
    let dead = world.dead().await;
    assert_eq!(dead.len(), 1);
    let DeadBody::Unreadable { raw, .. } = &dead[0].body else { panic!("{dead:?}") };
    assert_eq!(raw, "poison");
    assert_eq!(world.stats().await.depth, 0);
}

/// Taking back what expired everywhere, with other people's data on the same server: nobody
/// reads or writes a key that is not ours, and no key is asked for by guessing.
#[tokio::test]
async fn recovering_all_touches_nothing_else() {
    let Some(server) = crate::harness::private("recovering_all_touches_nothing_else") else {
        return;
    };
    for layout in crate::harness::LAYOUTS {
        let world = World::new(&server, layout).await;
        for number in 0..3_000 {
            world.at.command(&["SET", &format!("app:{number}"), "x"]);
        }
        for other in ["queue:a:b", "reserved:a:b", "sched:a:b:prio:5"] {
            world.at.command(&["RPUSH", &format!("{}x:{other}", world.prefix), "x"]);
        }
        for name in ["writer:w1", "writer:w2", "editor"] {
            let to = crate::harness::agent(name);
            let sent = world.mail.send_message(&world.from, &to, world.message("{}")).await;
            assert!(sent.expect("sends").delivered());
            let taken = world.mail.receive(&to, std::time::Duration::ZERO).await;
            assert!(taken.expect("receives").is_some());
        }
        let mut monitor = world.raw();
        monitor.checked(&["MONITOR"]).expect("MONITOR");
        assert_eq!(world.mail.recover_pending(None).await.expect("recovers"), 3, "{layout}");
        world.at.command(&["ECHO", "that-was-all"]);
        loop {
            let Frame::Simple(line) = monitor.read().expect("MONITOR goes on") else {
                panic!("MONITOR shows lines");
            };
            if line.contains("that-was-all") {
                break;
            }
            assert!(!line.contains("\"app:"), "{layout}: {line}");
            assert!(!line.contains(&format!("\"{}x:", world.prefix)), "{layout}: {line}");
            let walks = ["\"KEYS\"", "\"SCAN\"", "\"keys\"", "\"scan\""];
            let is_walk = walks.iter().any(|walk| line.contains(walk));
            // The original has no index of its mailboxes: their names are all there is.
            assert!(!is_walk || layout == KeyLayout::Tta, "{line}");
        }
    }
}
