//! Putting dead messages back.

use std::sync::atomic::{AtomicU64, Ordering};

use coord_core::{DeadSelection, MailboxPolicy, MessageId, MessageType, RedriveRate};

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, TICK};

/// A mailbox with these dead messages.
async fn with_dead<'a>(backend: &'a dyn Backend, size: u64, ids: &[&str]) -> Stage<'a> {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(size)).await;
    for id in ids {
        stage.send(id).await;
        stage.kill(&stage.receive().await, "boom").await;
        stage.advance(TICK / 20).await;
    }
    stage
}

async fn redrive(stage: &Stage<'_>, selection: &DeadSelection, limit: u64) -> u64 {
    stage.mail.redrive(&stage.to, selection, limit).await.expect("redriving works")
}

async fn dead(stage: &Stage<'_>) -> Vec<String> {
    stage.dead_messages().await.into_iter().map(|(id, ..)| id).collect()
}

/// What is put back is ready, with no attempts counted, and can fail anew.
pub async fn starts_afresh(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000001"]).await;
    assert_eq!(redrive(&stage, &DeadSelection::all(), 10).await, 1);
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.depth, stats.dead), (1, 1, 0));
    let received = stage.receive().await;
    assert_eq!(received.queue_message.delivery_attempts, 0);
    stage.kill(&received, "again").await;
    let wanted = ("msg-000001".to_owned(), 1, Some("again".to_owned()));
    assert_eq!(stage.dead_messages().await, [wanted]);
}

/// The oldest go first, up to the limit.
pub async fn oldest_first_up_to_the_limit(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000003", "msg-000001", "msg-000002"]).await;
    assert_eq!(redrive(&stage, &DeadSelection::all(), 0).await, 0);
    assert_eq!(redrive(&stage, &DeadSelection::all(), 2).await, 2);
    assert_eq!(dead(&stage).await, ["msg-000002"]);
    let mut back = stage.drain().await;
    back.sort();
    assert_eq!(back, ["msg-000001", "msg-000003"]);
}

/// Only those that were named.
pub async fn only_the_named(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000001", "msg-000002", "msg-000003"]).await;
    let ids = ["msg-000002", "msg-000008"].map(|id| MessageId::new(id).expect("it is valid"));
    let named = DeadSelection::ids(ids.to_vec());
    assert_eq!(redrive(&stage, &named, 10).await, 1);
    assert_eq!(redrive(&stage, &named, 10).await, 0);
    assert_eq!(stage.drain().await, ["msg-000002"]);
    assert_eq!(dead(&stage).await, ["msg-000001", "msg-000003"]);
}

/// Only those that fit every condition.
pub async fn only_what_fits(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(10)).await;
    for (id, error) in [("msg-000001", "boom"), ("msg-000002", "bang"), ("msg-000003", "a boom")] {
        stage.send(id).await;
        stage.kill(&stage.receive().await, error).await;
        stage.advance(TICK / 20).await;
    }
    let booms = DeadSelection::all().with_error("boom");
    let nobody = booms.clone().with_type(MessageType::Event);
    assert_eq!(redrive(&stage, &nobody, 10).await, 0);
    assert_eq!(redrive(&stage, &booms, 10).await, 2);
    assert_eq!(dead(&stage).await, ["msg-000002"]);
    let mut back = stage.drain().await;
    back.sort();
    assert_eq!(back, ["msg-000001", "msg-000003"]);
}

/// At a rate the same ones go back, oldest first, however many steps that takes.
pub async fn paced_takes_the_same(backend: &dyn Backend) {
    let ids = ["msg-000001", "msg-000002", "msg-000003", "msg-000004", "msg-000005"];
    let stage = with_dead(backend, 10, &ids).await;
    let (moved, rate) = (AtomicU64::new(0), RedriveRate::per_second(20).expect("a rate"));
    let some = DeadSelection::ids(ids[1..].iter().map(|id| MessageId::new(*id).expect("valid")));
    let paced = stage.mail.redrive_paced(&stage.to, &some, 3, rate, &moved);
    let done = meanwhile(&stage, paced, || false).await.expect("it ends by itself");
    assert_eq!(done.expect("redriving works"), 3);
    assert_eq!(moved.load(Ordering::Relaxed), 3);
    assert_eq!(dead(&stage).await, ["msg-000001", "msg-000005"]);
    let all = DeadSelection::all();
    let paced = stage.mail.redrive_paced(&stage.to, &all, u64::MAX, rate, &moved);
    let done = meanwhile(&stage, paced, || false).await.expect("it ends by itself");
    assert_eq!((done.expect("redriving works"), moved.load(Ordering::Relaxed)), (2, 5));
    assert_eq!(stage.stats().await.ready.total(), 5);
}

/// Dropped, it stops between two steps, and has told how far it came.
pub async fn paced_stops_when_dropped(backend: &dyn Backend) {
    let stage = with_dead(backend, 10, &["msg-000001", "msg-000002", "msg-000003"]).await;
    let (moved, rate) = (AtomicU64::new(0), RedriveRate::per_second(1).expect("a rate"));
    let all = DeadSelection::all();
    let paced = stage.mail.redrive_paced(&stage.to, &all, 10, rate, &moved);
    let stopped = meanwhile(&stage, paced, || moved.load(Ordering::Relaxed) > 0).await;
    assert!(stopped.is_none(), "the first one went at once, the second one waits: {stopped:?}");
    assert_eq!(moved.load(Ordering::Relaxed), 1);
    assert_eq!(dead(&stage).await, ["msg-000002", "msg-000003"]);
}

/// Only as many as there is room for.
pub async fn only_while_there_is_room(backend: &dyn Backend) {
    let stage = with_dead(backend, 2, &["msg-000001", "msg-000002", "msg-000003"]).await;
    stage.send("msg-000004").await;
    assert_eq!(redrive(&stage, &DeadSelection::all(), 10).await, 1);
    assert_eq!(redrive(&stage, &DeadSelection::all(), 10).await, 0);
    assert_eq!(dead(&stage).await, ["msg-000002", "msg-000003"]);
    assert_eq!(stage.stats().await.depth, 2);
}

/// What cannot be read stays.
pub async fn leaves_the_unreadable(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    if !backend.inject_raw(&stage.to, b"poison").await {
        return;
    }
    stage.nothing_is_ready().await;
    assert_eq!(redrive(&stage, &DeadSelection::all(), 10).await, 0);
    assert_eq!(stage.dead().await.len(), 1);
}

/// Runs `work` while time passes; `None` if it was dropped because `is_enough`.
async fn meanwhile<T>(
    stage: &Stage<'_>,
    work: impl Future<Output = T>,
    is_enough: impl Fn() -> bool,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        let passing = async {
            tokio::task::yield_now().await;
            stage.advance(TICK).await;
        };
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = passing => {}
        }
        if is_enough() {
            return None;
        }
    }
}

/// A mailbox that was never used has none; one that cannot be named is refused.
pub async fn unused_is_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(redrive(&stage, &DeadSelection::all(), 10).await, 0);
    let refused = stage.mail.redrive(&bad_agent(), &DeadSelection::all(), 1).await;
    is_invalid!(refused, AdminError, "agent type");
}
