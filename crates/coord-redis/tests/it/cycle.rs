//! Settling in any order costs the same number of commands, however full the mailbox is.

use std::collections::BTreeMap;

use coord_core::{MessageCoordinator, ReservationToken};
use coord_redis::KeyLayout;
use futures_util::{StreamExt, stream};

use crate::harness::{At, Random, World, counts, private, reset_counts};

const FULL: usize = 9_900;
const SMALL: usize = 10;

#[tokio::test]
async fn compact_settles_in_shuffled_order_at_the_same_cost() {
    let name = "compact_settles_in_shuffled_order_at_the_same_cost";
    let Some(server) = private(name) else { return };
    let mut random = Random::seeded(name);
    let at = At::from(&server);
    let small = settled(&at, SMALL, &mut random).await;
    let full = settled(&at, FULL, &mut random).await;
    for (command, calls) in &full {
        let per_ack = small.get(command).map(|it| it / SMALL as u64);
        assert_eq!(Some(calls / FULL as u64), per_ack, "{command} per ack: {full:?}, {small:?}");
        assert_eq!(calls % FULL as u64, 0, "{command}");
        // Hash commands are O(1) and ZREM is O(log n); nothing that walks may appear.
        let flat = ["EVALSHA", "HGET", "HDEL", "ZREM"].contains(&command.as_str());
        assert!(flat, "{command} is not known to be flat");
    }
    assert_eq!(full.len(), small.len(), "{small:?}");
}

/// Commands that run while a mailbox of `depth` reserved messages is settled in shuffled order.
async fn settled(at: &At, depth: usize, random: &mut Random) -> BTreeMap<String, u64> {
    let world = World::new(at.clone(), KeyLayout::Compact).await;
    each(0..depth, async |number| {
        world.send(&format!("{{\"n\":{number}}}")).await;
    })
    .await;
    let mut tokens: Vec<ReservationToken> = stream::iter(0..depth)
        .map(|_| async { world.receive().await.token })
        .buffer_unordered(64)
        .collect()
        .await;
    random.shuffle(&mut tokens);
    // The script is known to the server before the counting.
    world.mail.ack(&world.to, &ReservationToken::from_bits(0)).await.expect_err("nobody's");
    let mut raw = world.raw();
    reset_counts(&mut raw);
    each(tokens.iter(), async |token| {
        world.mail.ack(&world.to, token).await.expect("acks");
    })
    .await;
    let counted = counts(&mut raw);
    let stats = world.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (0, 0, 0));
    counted
}

/// 64 at a time.
async fn each<T>(items: impl IntoIterator<Item = T>, action: impl AsyncFn(T)) {
    stream::iter(items).for_each_concurrent(64, |item| action(item)).await;
}
