//! Slots that move under load: nothing is lost, nothing doubled, no error is seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::FakeRedis;
use coord_testkit::server::RealCluster;

use crate::cluster::Nodes;
use crate::harness::fresh_prefix;
use crate::load::{mailboxes, start, until};

const PRODUCERS: usize = 3;
const EACH: u64 = 1_000;
const BOXES: usize = 4;
/// Slow enough for several moves: the nodes need up to a second to agree on one.
const PACE: Duration = Duration::from_millis(8);
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_on_a_real_cluster() {
    let Some(cluster) = RealCluster::start_or_ignore("slots that move", 3) else { return };
    let cluster = Arc::new(cluster);
    let moved = Arc::clone(&cluster);
    // What a node says of a slot that moved just now may be of yesterday.
    let mut owners = HashMap::new();
    runs_through(&Nodes::Real(cluster), move |slot| {
        let from = *owners.entry(slot).or_insert_with(|| moved.owner(slot).unwrap());
        let to = (from + 1) % moved.nodes().len();
        moved.begin_migration(slot, from, to).unwrap();
        moved.move_keys(slot, from, to).unwrap();
        moved.end_migration(slot, to).unwrap();
        owners.insert(slot, to);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_on_the_fake() {
    let nodes = Nodes::fake().await;
    let Nodes::Fake(cluster) = &nodes else { unreachable!("it is the fake") };
    let cluster = Arc::clone(cluster);
    let parts = ["ready", "timers", "messages", "meta", "dedup", "reserved", "dead", "graves"];
    runs_through(&nodes, move |slot| {
        let to = (cluster.slot_owner(slot).unwrap() + 1) % 3;
        assert!(cluster.begin_slot_migration(slot, to));
        for at in mailboxes(BOXES) {
            for part in parts {
                let key = format!("moves:{{{}}}:{part}", at.mailbox_key());
                if FakeRedis::slot(&key) == slot {
                    cluster.migrate_key(&key);
                }
            }
        }
        assert!(cluster.finish_slot_migration(slot));
    })
    .await;
}

async fn runs_through(nodes: &Nodes, mut move_slot: impl FnMut(u16) + Send + 'static) {
    let prefix = match nodes {
        Nodes::Fake(_) => "moves".to_owned(),
        Nodes::Real(_) => fresh_prefix(),
    };
    let config = nodes.config(KeyLayout::Compact, &prefix);
    let mut all = Vec::new();
    for _ in 0..2 * PRODUCERS {
        all.push(RedisMessageCoordinator::connect(config.clone()).await.unwrap());
    }
    let boxes = mailboxes(BOXES);
    let slots: Vec<u16> =
        boxes.iter().map(|at| FakeRedis::slot(format!("{{{}}}", at.mailbox_key()))).collect();
    let consumers = all.split_off(PRODUCERS);
    let (tally, mut workers) = start(all, consumers, &boxes, EACH, PACE);
    let watched = Arc::clone(&tally);
    let total = usize::try_from(PRODUCERS as u64 * EACH).unwrap();
    let moving = tokio::task::spawn_blocking(move || {
        let mut moves = 0;
        while watched.distinct() < total && !watched.stopped() {
            move_slot(slots[moves % slots.len()]);
            moves += 1;
            std::thread::yield_now();
        }
        moves
    });
    until(LIMIT, "all messages settled", &tally, || tally.distinct() >= total).await;
    let moves = moving.await.unwrap();
    tally.stop();
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    assert_eq!(tally.accepted.load(Ordering::Relaxed), total as u64);
    assert_eq!((tally.distinct(), tally.doubled()), (total, 0));
    assert_eq!(tally.failures(), 0, "{:?}", tally.failures);
    assert!(moves >= BOXES, "only {moves} moves");
}
