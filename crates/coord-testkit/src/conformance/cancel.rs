//! Taking messages back, and telling their holders something.

use coord_core::{
    CancelOutcome, Extended, MAX_NOTE_BYTES, MessageId, NackOutcome, NoteOutcome, ReceivedMessage,
    SendOptions, mailbox::MAX_NOTES,
};

use super::stage::{Stage, bad_agent, id, is_invalid, is_lost};
use super::{Backend, FAR, TICK};

fn named(id: &str) -> MessageId {
    MessageId::new(id).expect("facts use valid ids")
}

impl Stage<'_> {
    async fn cancel(&self, id: &str) -> CancelOutcome {
        self.mail.cancel(&self.to, &named(id)).await.expect("cancelling works")
    }

    async fn note(&self, id: &str, note: &str) -> NoteOutcome {
        self.mail.note(&self.to, &named(id), note).await.expect("noting works")
    }

    async fn extend(&self, held: &ReceivedMessage) -> Extended {
        self.mail.extend(&self.to, &held.token, FAR).await.expect("it is reserved")
    }
}

/// What waits is gone, and only that.
pub async fn removes_what_waits(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for number in 1..=3 {
        stage.send(&format!("msg-00000{number}")).await;
    }
    let delayed = SendOptions::new().with_delay(FAR);
    stage.send_with("msg-000004", delayed).await.expect("delays are supported");
    assert_eq!(stage.cancel("msg-000002").await, CancelOutcome::Cancelled);
    assert_eq!(stage.cancel("msg-000004").await, CancelOutcome::Cancelled);
    assert_eq!(stage.cancel("msg-000002").await, CancelOutcome::NotFound);
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.delayed, stats.dead), (2, 0, 0));
    assert_eq!(stage.drain().await, ["msg-000001", "msg-000003"]);
}

/// A message that would expire leaves nothing behind either.
pub async fn removes_what_would_expire(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let short = SendOptions::new().with_expires_in(TICK);
    if stage.send_with("msg-000001", short).await.is_none() {
        return;
    }
    assert_eq!(stage.cancel("msg-000001").await, CancelOutcome::Cancelled);
    stage.advance(TICK * 2).await;
    stage.nothing_is_ready().await;
    stage.is_untouched().await;
}

/// The holder of a reserved message learns it by its next extend, and by every later one.
pub async fn tells_the_holder(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    let (held, other) = (stage.receive().await, stage.receive().await);
    assert!(!stage.extend(&held).await.is_cancelled);
    assert_eq!(stage.cancel("msg-000001").await, CancelOutcome::HolderIsTold);
    for _ in 0..2 {
        assert!(stage.extend(&held).await.is_cancelled);
    }
    assert!(!stage.extend(&other).await.is_cancelled);
    stage.ack(&held).await;
    stage.ack(&other).await;
    assert_eq!(stage.stats().await.depth, 0);
}

/// A cancelled message does not come back, however its holder ends.
pub async fn holds_after_it_is_given_back(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for number in 1..=3 {
        stage.send(&format!("msg-00000{number}")).await;
    }
    let nacked = stage.receive().await;
    let released = stage.receive().await;
    let expired = stage.receive_expired().await;
    for held in [&nacked, &released, &expired] {
        assert_eq!(stage.cancel(&id(held)).await, CancelOutcome::HolderIsTold);
    }
    assert_eq!(stage.nack(&nacked, "boom").await, NackOutcome::Cancelled);
    stage.mail.release(&stage.to, &released.token).await.expect("it is reserved");
    assert_eq!(stage.recover().await, 1);
    is_lost(stage.mail.ack(&stage.to, &expired.token).await);
    stage.nothing_is_ready().await;
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.delayed, stats.dead), (0, 0, 0, 0));
}

/// What was never there, is settled, or dead, cannot be cancelled.
pub async fn of_nothing_is_told(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(stage.cancel("msg-000001").await, CancelOutcome::NotFound);
    stage.send("msg-000001").await;
    stage.ack(&stage.receive().await).await;
    assert_eq!(stage.cancel("msg-000001").await, CancelOutcome::NotFound);
    stage.send("msg-000002").await;
    stage.kill(&stage.receive().await, "boom").await;
    assert_eq!(stage.cancel("msg-000002").await, CancelOutcome::NotFound);
    assert_eq!(stage.dead().await.len(), 1);
}

/// Ids are compared whole, and found among many, also with characters that JSON escapes.
pub async fn finds_one_of_many(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for number in 0..500 {
        stage.send(&format!("msg-{number:06}")).await;
    }
    let odd = "odd \"é\\漢/ id";
    stage.send(odd).await;
    assert_eq!(stage.cancel("msg-00001").await, CancelOutcome::NotFound);
    assert_eq!(stage.cancel("msg-000123").await, CancelOutcome::Cancelled);
    assert_eq!(stage.cancel(odd).await, CancelOutcome::Cancelled);
    assert_eq!(stage.stats().await.depth, 499);
}

/// Notes reach the holder in order, and go with its reservation.
pub async fn notes_reach_the_holder(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    assert_eq!(stage.note("msg-000001", "early").await, NoteOutcome::NotReserved);
    assert_eq!(stage.note("msg-000009", "lost").await, NoteOutcome::NotFound);
    let held = stage.receive().await;
    let odd = "12:ü\n}";
    assert_eq!(stage.note("msg-000001", "the deadline moved").await, NoteOutcome::HolderIsTold);
    assert_eq!(stage.note("msg-000001", odd).await, NoteOutcome::HolderIsTold);
    let told = stage.extend(&held).await;
    assert_eq!(told.notes, ["the deadline moved", odd]);
    assert!(!told.is_cancelled);
    assert_eq!(stage.cancel("msg-000001").await, CancelOutcome::HolderIsTold);
    let told = stage.extend(&held).await;
    assert_eq!((told.notes.len(), told.is_cancelled), (2, true));
    stage.ack(&held).await;
    stage.send("msg-000001").await;
    let next = stage.receive().await;
    assert_eq!(stage.extend(&next).await.notes, [""; 0]);
}

/// The next holder is not told what the last one was.
pub async fn notes_end_with_the_reservation(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    stage.note("msg-000001", "for you only").await;
    stage.mail.release(&stage.to, &held.token).await.expect("it is reserved");
    let next = stage.receive().await;
    assert_eq!(stage.extend(&next).await.notes, [""; 0]);
}

/// There is a limit to how much one holder is told.
pub async fn notes_are_few_and_short(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let long = "x".repeat(MAX_NOTE_BYTES);
    for _ in 0..MAX_NOTES {
        assert_eq!(stage.note("msg-000001", &long).await, NoteOutcome::HolderIsTold);
    }
    assert_eq!(stage.note("msg-000001", "more").await, NoteOutcome::TooMany);
    assert_eq!(stage.extend(&held).await.notes, vec![long.clone(); MAX_NOTES]);
    let id = named("msg-000001");
    for bad in [String::new(), long + "x"] {
        is_invalid!(stage.mail.note(&stage.to, &id, &bad).await, AdminError, "note");
    }
}

/// An id that cannot name a mailbox is refused.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let (bad, id) = (bad_agent(), named("msg-000001"));
    is_invalid!(stage.mail.cancel(&bad, &id).await, AdminError, "agent type");
    is_invalid!(stage.mail.note(&bad, &id, "x").await, AdminError, "agent type");
}
