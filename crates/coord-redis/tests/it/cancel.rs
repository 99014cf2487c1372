//! Dropping the future of any operation at any await loses nothing.
//!
//! Every operation is polled k times and then dropped, for k = 0, 1, 2, ... until it is done
//! within k polls; at once, or after the connection had some turns of its own. Afterwards every
//! reservation expires, everything is received and settled, and each message must have come out
//! exactly as the operation, done or not done, leaves it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use coord_core::{
    AgentMessage, CancelOutcome, DeadBody, FailureType, MailboxPolicy, MessageCoordinator,
    MessageId, MessageType, NoteOutcome, SendOptions,
};
use coord_redis::KeyLayout;
use coord_testkit::Clock;
use futures_util::future::BoxFuture;

use crate::harness::{At, Fake, LAYOUTS, World, agent, private, server_time_passes};

#[tokio::test]
async fn dropped_futures_lose_nothing_compact() {
    let Some(server) = private("dropped_futures_lose_nothing_compact") else { return };
    every_operation(&At::from(&server), KeyLayout::Compact, &[0, 1, 8]).await;
}

#[tokio::test]
async fn dropped_futures_lose_nothing_tta() {
    let Some(server) = private("dropped_futures_lose_nothing_tta") else { return };
    every_operation(&At::from(&server), KeyLayout::Tta, &[0, 1, 8]).await;
}

#[tokio::test]
async fn dropped_futures_lose_nothing_on_the_fake() {
    for layout in LAYOUTS {
        every_operation(&At::from(&Fake::start(Clock::system())), layout, &[1]).await;
    }
}

/// `turns`: how often others run before the drop.
async fn every_operation(at: &At, layout: KeyLayout, turns: &[usize]) {
    for operation in Operation::ALL {
        for state in [State::Warm, State::ScriptsFlushed, State::Disconnected] {
            for &turns in turns {
                let mut polls = 0;
                while !drop_after(at, layout, operation, state, polls, turns).await {
                    polls += 1;
                    assert!(polls < 1_000, "{operation:?} never ends");
                }
                // Otherwise nothing was ever dropped in the middle.
                assert!(polls >= 2, "{operation:?} {state:?} was done after {polls} polls");
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Send,
    SendDelayedWithDedup,
    Broadcast,
    Receive,
    ReceiveAfterExpiry,
    ReceiveWait,
    Ack,
    NackTransient,
    NackPermanent,
    NackOfParsedToken,
    Extend,
    Release,
    Recover,
    Reconcile,
    Forward,
    CancelWaiting,
    CancelHeld,
    Note,
    Why,
    Pause,
    Subscribe,
}

impl Operation {
    const ALL: [Self; 21] = [
        Self::Send,
        Self::SendDelayedWithDedup,
        Self::Broadcast,
        Self::Receive,
        Self::ReceiveAfterExpiry,
        Self::ReceiveWait,
        Self::Ack,
        Self::NackTransient,
        Self::NackPermanent,
        Self::NackOfParsedToken,
        Self::Extend,
        Self::Release,
        Self::Recover,
        Self::Reconcile,
        Self::Forward,
        Self::CancelWaiting,
        Self::CancelHeld,
        Self::Note,
        Self::Why,
        Self::Pause,
        Self::Subscribe,
    ];
}

/// What the connection has to go through.
#[derive(Debug, Clone, Copy)]
enum State {
    Warm,
    /// The server answers NOSCRIPT first.
    ScriptsFlushed,
    /// The operation has to connect first.
    Disconnected,
}

/// Short, so that it is over soon; the operation itself may find it over.
const VISIBILITY: Duration = Duration::from_millis(1);

/// One round; true if the operation was done within `polls`.
async fn drop_after(
    at: &At,
    layout: KeyLayout,
    operation: Operation,
    state: State,
    polls: usize,
    turns: usize,
) -> bool {
    let what = format!("{layout} {operation:?} {state:?} polls {polls} turns {turns}");
    let policy = MailboxPolicy::new().with_retry_attempts(9).with_backoff(
        Duration::ZERO,
        2.0,
        Duration::ZERO,
    );
    let world = World::with(at.clone(), layout, policy).await;
    let mut waiting = BTreeSet::new();
    for number in 0..3 {
        waiting.insert(world.send(&format!("{{\"n\":{number}}}")).await);
    }
    let held = world.mail.receive(&world.to, VISIBILITY).await.expect("receives").expect("one");
    let held_id = held.queue_message.message.message_id.clone();
    let waiting_id = waiting.iter().find(|id| **id != held_id).expect("two wait").clone();
    let fresh = world.message("{\"fresh\":true}");
    let fresh_id = fresh.message_id.clone();
    if operation == Operation::ReceiveAfterExpiry || operation == Operation::Recover {
        server_time_passes(at, VISIBILITY).await;
    }
    match state {
        State::Warm => {}
        State::ScriptsFlushed => drop(at.command(&["SCRIPT", "FLUSH"])),
        State::Disconnected => {
            at.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            // Notices, so that the next one connects anew.
            world.mail.mailbox_stats(&world.to).await.expect_err("the connection is gone");
        }
    }
    let other = agent("writer:w2");
    let started: BoxFuture<'_, ()> = match operation {
        Operation::Send => Box::pin(send(&world, fresh, SendOptions::new())),
        Operation::SendDelayedWithDedup => {
            let options = SendOptions::new().with_delay(Duration::from_micros(1));
            Box::pin(send(&world, fresh, options.with_dedup_window(Duration::from_secs(60))))
        }
        Operation::Broadcast => {
            let recipients = [world.to.clone(), other.clone()];
            let world = &world;
            Box::pin(async move {
                let sent = world.mail.broadcast_message(&world.from, fresh, &recipients).await;
                assert!(sent.iter().all(Result::is_ok), "{sent:?}");
            })
        }
        Operation::Receive | Operation::ReceiveAfterExpiry => Box::pin(async {
            world.mail.receive(&world.to, VISIBILITY).await.expect("receives").expect("one");
        }),
        Operation::ReceiveWait => Box::pin(async {
            let waiting = world.mail.receive_wait(&world.to, VISIBILITY, crate::harness::LONG);
            waiting.await.expect("receives").expect("one");
        }),
        Operation::Ack => Box::pin(async {
            world.mail.ack(&world.to, &held.token).await.expect("acks");
        }),
        Operation::NackTransient => Box::pin(nack(&world, &held.token, FailureType::Transient)),
        Operation::NackPermanent => Box::pin(nack(&world, &held.token, FailureType::Permanent)),
        Operation::NackOfParsedToken => {
            let token = held.token.as_str().parse().expect("a token");
            let world = &world;
            Box::pin(async move { nack(world, &token, FailureType::Transient).await })
        }
        Operation::Extend => Box::pin(async {
            world.mail.extend(&world.to, &held.token, VISIBILITY).await.expect("extends");
        }),
        Operation::Release => Box::pin(async {
            world.mail.release(&world.to, &held.token).await.expect("releases");
        }),
        Operation::Recover => Box::pin(async {
            world.mail.recover_pending(Some(&world.to)).await.expect("recovers");
        }),
        Operation::Reconcile => Box::pin(async {
            world.mail.reconcile(&world.to, Duration::ZERO).await.expect("reconciles");
        }),
        Operation::Forward => {
            let (world, token, other) = (&world, &held.token, &other);
            Box::pin(async move {
                let options = SendOptions::new();
                let sent = world.mail.forward(&world.to, token, other, fresh, options).await;
                assert!(sent.expect("forwards").delivered());
            })
        }
        Operation::CancelWaiting => Box::pin(async {
            let cancelled = world.mail.cancel(&world.to, &waiting_id).await.expect("cancels");
            assert_eq!(cancelled, CancelOutcome::Cancelled);
        }),
        Operation::CancelHeld => Box::pin(async {
            let cancelled = world.mail.cancel(&world.to, &held_id).await.expect("cancels");
            assert_eq!(cancelled, CancelOutcome::HolderIsTold);
        }),
        Operation::Note => Box::pin(async {
            let told = world.mail.note(&world.to, &held_id, "soon").await.expect("notes");
            assert_eq!(told, NoteOutcome::HolderIsTold);
        }),
        Operation::Why => Box::pin(async {
            world.mail.why(&world.to, &held_id).await.expect("looks").expect("it is reserved");
        }),
        Operation::Pause => Box::pin(async {
            assert!(world.mail.pause(&world.to).await.expect("pauses"));
            assert!(world.mail.resume(&world.to).await.expect("resumes"));
        }),
        Operation::Subscribe => Box::pin(async {
            let types = MessageType::ALL;
            world
                .mail
                .subscribe_to_messages(&world.to, &types)
                .await
                .expect("subscribes")
                .leave()
                .await
                .expect("leaves");
        }),
    };
    let is_done = polled(started, polls, turns).await;

    // On the same connection: when this is answered, so was everything before.
    let stats = world.stats().await;
    assert_eq!(stats.depth, stats.ready.total() + stats.delayed + stats.reserved, "{what}");
    server_time_passes(at, 3 * VISIBILITY).await;
    let checker = world.another().await;
    // A pause that was not ended would hold everything back.
    checker.resume(&world.to).await.expect("resumes");
    checker.recover_pending(Some(&world.to)).await.expect("recovers");
    let mut found = Vec::new();
    while let Some(received) =
        checker.receive(&world.to, crate::harness::LONG).await.expect("works")
    {
        checker.ack(&world.to, &received.token).await.expect("acks");
        found.push(received.queue_message.message.message_id);
    }
    let dead: Vec<MessageId> = world
        .dead()
        .await
        .into_iter()
        .map(|letter| match letter.body {
            DeadBody::Message(message) => message.message.message_id,
            DeadBody::Unreadable { .. } => panic!("{what}: {letter:?}"),
        })
        .collect();
    let after = world.stats().await;
    assert_eq!((after.depth, after.reserved, after.delayed), (0, 0, 0), "{what}");

    let came_out: BTreeSet<MessageId> = found.iter().chain(&dead).cloned().collect();
    assert_eq!(came_out.len(), found.len() + dead.len(), "{what}: twice: {found:?} {dead:?}");
    for id in waiting.iter().filter(|id| **id != held_id) {
        match operation {
            Operation::CancelWaiting if *id == waiting_id => {
                assert!(!is_done || !came_out.contains(id), "{what}: {id} was cancelled");
            }
            _ => assert!(found.contains(id), "{what}: lost {id}"),
        }
    }
    match operation {
        Operation::Ack | Operation::CancelHeld if is_done => {
            assert!(!came_out.contains(&held_id), "{what}");
        }
        Operation::Ack | Operation::CancelHeld => {}
        Operation::Forward => {
            let there = checker.mailbox_stats(&other).await.expect("counts").depth == 1;
            assert_ne!(there, came_out.contains(&held_id), "{what}: one of both");
            assert!(there || !is_done, "{what}");
        }
        Operation::NackPermanent if is_done => assert_eq!(dead, [held_id], "{what}"),
        _ => assert!(came_out.contains(&held_id), "{what}: lost {held_id}"),
    }
    let sends = matches!(
        operation,
        Operation::Send | Operation::SendDelayedWithDedup | Operation::Broadcast
    );
    assert!(dead.is_empty() || operation == Operation::NackPermanent, "{what}: {dead:?}");
    if is_done || !sends {
        assert_eq!(found.contains(&fresh_id), is_done && sends, "{what}");
    }
    is_done
}

async fn send(world: &World, message: AgentMessage, options: SendOptions) {
    let sent = world.mail.send_message_with(&world.from, &world.to, message, options).await;
    assert!(sent.expect("sends").delivered());
}

async fn nack(world: &World, token: &coord_core::ReservationToken, failure: FailureType) {
    world.mail.nack(&world.to, token, failure, Some("boom")).await.expect("nacks");
}

/// Polls at most `polls` times, lets others run for `turns`, drops; whether it was done.
async fn polled(operation: BoxFuture<'_, ()>, polls: usize, turns: usize) -> bool {
    let mut budget = Budget { operation, polls };
    if (&mut budget).await {
        return true;
    }
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    false
}

struct Budget<'a> {
    operation: BoxFuture<'a, ()>,
    polls: usize,
}

impl Future for Budget<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        if self.polls == 0 {
            return Poll::Ready(false);
        }
        self.polls -= 1;
        match self.operation.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if self.polls == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    }
}
