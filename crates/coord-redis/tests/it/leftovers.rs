//! What messages leave behind in Redis when they are gone: a dead letter nothing that an
//! acknowledged message does not leave too.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use coord_core::{
    CancelOutcome, DeadBody, DeadSelection, FailureType, MessageCoordinator, NackOutcome,
    NoteOutcome, Receipt, SendOptions,
};
use coord_redis::KeyLayout;
use coord_testkit::server::Frame;

use crate::both::{Server, on_both};
use crate::harness::{LAYOUTS, LONG, World, counts, reset_counts};

on_both! { still alone: tta_the_oldest_is_not_searched, compact_a_plain_one_is_taken_once }

/// Long enough for a few operations, short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);

on_both! { still:
    compact_dead_letters_leave_nothing,
    tta_dead_letters_leave_nothing,
    settled_messages_leave_nothing,
    notes_leave_nothing,
    tta_deadlines_of_nothing_go,
    compact_receipts_are_bounded,
    compact_poison_is_kept_as_it_is,
    compact_what_expired_counts_nowhere,
    tta_many_notes_refuse_no_cancellation,
}

/// Names of the keys there are.
fn keys(world: &World) -> BTreeSet<String> {
    world.at.texts(&["KEYS", &format!("{}:*", world.prefix)]).into_iter().collect()
}

async fn dead_letters_leave_nothing(server: &Server, layout: KeyLayout) {
    let world = World::new(server, layout).await;
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
    let idle = keys(&world);

    bury().await;
    assert_ne!(keys(&world), idle, "a dead letter is kept somewhere");
    let purged = world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purging works");
    assert_eq!((purged, keys(&world)), (1, idle.clone()), "after a purge");

    bury().await;
    let redriven = world.mail.redrive(&world.to, &DeadSelection::all(), 10).await;
    assert_eq!(redriven.expect("redriving works"), 1);
    settle().await;
    assert_eq!(keys(&world), idle, "after a redrive");

    let limited = world.mail.policy().with_dead_limit(NonZeroU64::new(1));
    world.mail.configure(limited).expect("it is valid");
    bury().await;
    bury().await;
    let purged = world.mail.purge(&world.to, &DeadSelection::all()).await.expect("purging works");
    assert_eq!((purged, keys(&world)), (1, idle), "of one that was dropped");
}

async fn compact_dead_letters_leave_nothing(server: &Server) {
    dead_letters_leave_nothing(server, KeyLayout::Compact).await;
}

async fn tta_dead_letters_leave_nothing(server: &Server) {
    dead_letters_leave_nothing(server, KeyLayout::Tta).await;
}

/// Whichever way a message ends, nothing of it is left but the mailbox's counters.
async fn settled_messages_leave_nothing(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let counters = [world.key("meta"), world.key("fence")];
        let is_clean = |after: &str| {
            let mut left = keys(&world);
            left.retain(|key| key.contains("writer:w1") && !counters.contains(key));
            assert!(left.is_empty(), "{layout}: {left:?} after {after}");
        };
        let (mail, to) = (&world.mail, &world.to);
        let take = async || {
            world.send("{}").await;
            world.receive().await.token
        };
        mail.ack(to, &take().await).await.expect("it is reserved");
        is_clean("an ack");
        mail.ack_batch(to, &[take().await, take().await]).await.expect("they are reserved");
        is_clean("a batch of acks");
        let token = take().await;
        assert!(mail.ack_and_receive(to, &token, LONG).await.expect("it works").settled);
        is_clean("an ack with a receive");
        let (token, next) = (take().await, world.message("{}"));
        let sent = mail.forward(to, &token, &world.from, next, SendOptions::new()).await;
        assert!(sent.expect("it is reserved").delivered());
        is_clean("a forward");
        for options in [SendOptions::new(), SendOptions::new().with_delay(LONG)] {
            let message = world.message("{}");
            let id = message.message_id.clone();
            mail.send_message_with(&world.from, to, message, options).await.expect("sends");
            assert_eq!(mail.cancel(to, &id).await.expect("it works"), CancelOutcome::Cancelled);
            is_clean("a cancellation");
        }
        let id = world.send("{}").await;
        let token = world.receive().await.token;
        assert_eq!(mail.cancel(to, &id).await.expect("it works"), CancelOutcome::HolderIsTold);
        mail.release(to, &token).await.expect("it is reserved");
        is_clean("the release of a cancelled one");
        if layout == KeyLayout::Tta {
            continue;
        }
        // The other layout has no expiry.
        let short = SendOptions::new().with_expires_in(SHORT);
        for way in ["waiting", "held", "given back"] {
            let message = world.message("{}");
            mail.send_message_with(&world.from, to, message, short).await.expect("sends");
            if way != "waiting" {
                let held = mail.receive(to, SHORT).await.expect("it works");
                let token = held.expect("it is ready").token;
                if way == "given back" {
                    mail.release(to, &token).await.expect("it is reserved");
                }
            }
            server.passes(SHORT).await;
            assert!(world.maybe_receive().await.is_none());
            is_clean(way);
        }
    }
}

/// What a holder was told goes with its reservation, also if the message was cancelled.
async fn notes_leave_nothing(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let take = async || {
            let id = world.send("{}").await;
            let token = world.receive().await.token;
            world.mail.note(&world.to, &id, "hurry").await.expect("noting works");
            (id, token)
        };
        let (_, token) = take().await;
        world.mail.release(&world.to, &token).await.expect("it is reserved");
        let token = world.receive().await.token;
        world.mail.ack(&world.to, &token).await.expect("it is reserved");
        let idle = keys(&world);
        assert!(!idle.contains(&world.key("notes")), "{layout}: {idle:?}");
        let (id, token) = take().await;
        world.mail.cancel(&world.to, &id).await.expect("cancelling works");
        let nacked = world.mail.nack(&world.to, &token, FailureType::Transient, None).await;
        assert_eq!(nacked.expect("it is reserved"), NackOutcome::Cancelled);
        assert_eq!(keys(&world), idle, "{layout}");
    }
}

/// A deadline that stands for nothing, as a peer leaves it that crashed while it settled.
async fn tta_deadlines_of_nothing_go(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    let deadlines = world.key("reserved_deadlines");
    let added = world.at.number(&["ZADD", &deadlines, "1", "res_0000000000000001"]);
    assert_eq!(added, 1);
    assert_eq!(world.mail.recover_pending(Some(&world.to)).await.expect("recovers"), 0);
    assert_eq!(world.at.number(&["EXISTS", &deadlines]), 0);
}

/// Whoever is served in order leaves the list at its head, at the cost of a look at it.
async fn tta_the_oldest_is_not_searched(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    for _ in 0..4 {
        world.send("{}").await;
    }
    let first = world.receive().await.token;
    world.mail.ack(&world.to, &first).await.expect("it is reserved");
    let second = world.receive().await.token;
    let mut raw = world.raw();
    let mut searched = |what: &str| {
        let counts = counts(&mut raw);
        let count = |name: &str| counts.get(name).copied().unwrap_or_default();
        assert_eq!((count("LPOS"), count("LTRIM"), count("LREM")), (1, 1, 0), "{what}: {counts:?}");
        reset_counts(&mut raw);
    };
    reset_counts(&mut world.raw());
    let both = world.mail.ack_and_receive(&world.to, &second, LONG).await.expect("it works");
    searched("ack_and_receive");
    let third = both.next.expect("there are two more").token;
    world.mail.ack(&world.to, &third).await.expect("it is reserved");
    searched("ack");
}

/// A message without wishes is taken out once, not put back for the general way.
async fn compact_a_plain_one_is_taken_once(server: &Server) {
    let world = World::new(server, KeyLayout::Compact).await;
    world.send("{}").await;
    let mut raw = world.raw();
    reset_counts(&mut raw);
    world.receive().await;
    let counts = counts(&mut raw);
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!((count("ZPOPMIN"), count("ZADD")), (1, 1), "{counts:?}");
}

/// The newest ten thousand receipts are kept.
async fn compact_receipts_are_bounded(server: &Server) {
    let world = World::new(server, KeyLayout::Compact).await;
    let receipts = world.key("receipts");
    let mut add = vec!["ZADD".to_owned(), receipts.clone()];
    for number in 0..10_000 {
        add.extend([number.to_string(), format!("old-{number}")]);
    }
    let add: Vec<&str> = add.iter().map(String::as_str).collect();
    assert_eq!(world.at.number(&add), 10_000);
    let options = SendOptions::new().with_receipt();
    let message = world.message("{}");
    let sent = world.mail.send_message_with(&world.from, &world.to, message, options).await;
    let ticket = sent.expect("sends").ticket.expect("it asked for a receipt");
    let token = world.receive().await.token;
    world.mail.ack(&world.to, &token).await.expect("it is reserved");
    assert_eq!(world.at.number(&["ZCARD", &receipts]), 10_000);
    assert_eq!(world.at.command(&["ZSCORE", &receipts, "old-0"]), Frame::NullBulk);
    let found = world.mail.receipts(&[ticket]).await.expect("asking works");
    assert!(matches!(found[0], Receipt::Settled { .. }), "{found:?}");
}

/// What cannot be read is kept as it is among the dead.
async fn compact_poison_is_kept_as_it_is(server: &Server) {
    let world = World::new(server, KeyLayout::Compact).await;
    world.send("{}").await;
    let messages = world.key("messages");
    let lids = world.at.texts(&["HKEYS", &messages]);
    let [lid] = &lids[..] else { panic!("{lids:?}") };
    assert_eq!(world.at.number(&["HSET", &messages, lid, "poison"]), 0);
    assert!(world.maybe_receive().await.is_none());
    let dead = world.dead().await;
    assert_eq!(dead.len(), 1);
    let DeadBody::Unreadable { raw, .. } = &dead[0].body else { panic!("{dead:?}") };
    assert_eq!(raw, "poison");
    assert_eq!(world.stats().await.depth, 0);
}

/// What expired while it waited is in no count, although nobody has removed it yet.
async fn compact_what_expired_counts_nowhere(server: &Server) {
    let world = World::new(server, KeyLayout::Compact).await;
    world.send("{}").await;
    let short = SendOptions::new().with_expires_in(Duration::from_millis(10));
    let message = world.message("{}");
    world.mail.send_message_with(&world.from, &world.to, message, short).await.expect("sends");
    server.passes(Duration::from_millis(10)).await;
    assert_eq!(world.at.number(&["ZCARD", &world.key("ready")]), 2, "it is still there");
    let stats = world.stats().await;
    assert_eq!((stats.ready.total(), stats.delayed, stats.depth), (1, 0, 1), "{stats:?}");
}

/// Taking back what expired everywhere, with other people's data on the same server: nobody
/// reads or writes a key that is not ours, and no key is asked for by guessing.
#[tokio::test]
async fn recovering_all_touches_nothing_else() {
    let Some(server) = crate::harness::private("recovering_all_touches_nothing_else") else {
        return;
    };
    for layout in LAYOUTS {
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
            let taken = world.mail.receive(&to, Duration::ZERO).await;
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

/// Many holders with notes of their own keep no message from being cancelled.
async fn tta_many_notes_refuse_no_cancellation(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    let id = world.send("{}").await;
    let held = world.receive().await;
    for part in ["reserved", "notes"] {
        let fields = (0..1_000).flat_map(|n| [format!("res_{n:016x}"), "-".to_owned()]);
        let command: Vec<String> =
            ["HSET".to_owned(), world.key(part)].into_iter().chain(fields).collect();
        world.at.command(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let noted = world.mail.note(&world.to, &id, "soon").await.expect("asks");
    assert_eq!(noted, NoteOutcome::TooMany);
    let cancelled = world.mail.cancel(&world.to, &id).await.expect("asks");
    assert_eq!(cancelled, CancelOutcome::HolderIsTold);
    let told = world.mail.extend(&world.to, &held.token, LONG).await;
    assert!(told.expect("it is reserved").is_cancelled);
}
