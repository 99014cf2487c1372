//! What a dead letter leaves behind in Redis when it is gone: nothing that an acknowledged
//! message does not leave too.

use std::collections::BTreeSet;

use coord_core::{DeadBody, DeadSelection, FailureType, MessageCoordinator};
use coord_redis::KeyLayout;
use coord_testkit::fake_redis::Reply;
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
