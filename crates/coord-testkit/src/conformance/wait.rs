//! Receiving with patience.

use std::collections::BTreeSet;
use std::time::Duration;

use coord_core::{
    DeadSelection, MAX_WAIT, MailboxPolicy, MessagePriority, ReceivedMessage, SendOptions,
};
use futures_util::future::{join, join_all};

use super::cancel_safety::{cut_off, settle_down};
use super::stage::{Stage, bad_agent, id, is_invalid};
use super::{Backend, FAR, TICK};

impl Stage<'_> {
    /// Waits for a message that must come.
    async fn wait(&self) -> ReceivedMessage {
        let received = self.mail.receive_wait(&self.to, FAR, FAR).await;
        received.expect("waiting works").expect("a message comes")
    }

    /// Waits for a message while something is done that must make one ready.
    async fn wait_during(&self, done: impl Future<Output = ()>) -> ReceivedMessage {
        join(self.wait(), done).await.0
    }
}

/// What is ready already needs no waiting.
pub async fn takes_what_is_there(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send_at("msg-000002", MessagePriority::High).await;
    for expected in ["msg-000002", "msg-000001"] {
        assert_eq!(id(&stage.wait().await), expected);
    }
    assert_eq!(stage.stats().await.reserved, 2);
}

/// A timeout of zero is a plain receive.
pub async fn zero_does_not_wait(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let nothing = stage.mail.receive_wait(&stage.to, FAR, Duration::ZERO).await;
    assert!(nothing.expect("waiting works").is_none());
    stage.send("msg-000001").await;
    let received = stage.mail.receive_wait(&stage.to, FAR, Duration::ZERO).await;
    assert_eq!(id(&received.expect("waiting works").expect("it is ready")), "msg-000001");
}

/// A send wakes, and what it wakes with is a reservation as any other.
pub async fn a_send_wakes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let received = stage.wait_during(stage.send("msg-000001")).await;
    assert_eq!(id(&received), "msg-000001");
    let stats = stage.stats().await;
    assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1));
    assert!(
        received.visibility_deadline >= stats.now
            && received.visibility_deadline <= stats.now + FAR
    );
    stage.send("msg-000002").await;
    let next = stage.receive().await;
    assert!(next.fence > received.fence);
    stage.ack(&received).await;
    stage.ack(&next).await;
    assert_eq!(stage.stats().await.depth, 0);
}

/// So does a large one.
pub async fn a_large_message_wakes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let text = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    let payload = coord_core::Payload::from_json(&text).expect("JSON");
    let message = stage.message("msg-000001").with_payload(payload);
    let received = stage.wait_during(stage.send_message(message)).await;
    assert_eq!(received.queue_message.message.payload.as_json(), text);
    stage.ack(&received).await;
}

/// Whatever else makes a message ready wakes, too.
pub async fn settling_wakes(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
    let stage = Stage::with(backend, policy).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let release = async { stage.mail.release(&stage.to, &held.token).await.expect("it is held") };
    let held = stage.wait_during(release).await;
    let nack = async {
        stage.nack(&held, "boom").await;
    };
    let held = stage.wait_during(nack).await;
    assert_eq!(held.queue_message.delivery_attempts, 1);
    stage.kill(&held, "boom").await;
    let redrive = async {
        let moved = stage.mail.redrive(&stage.to, &DeadSelection::all(), 10).await;
        assert_eq!(moved.expect("redriving works"), 1);
    };
    let held = stage.wait_during(redrive).await;
    assert_eq!(held.queue_message.delivery_attempts, 0);
}

/// A delay that ends wakes.
pub async fn a_delay_that_ends_wakes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_delay(TICK);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    let received = stage.wait_during(stage.advance(2 * TICK)).await;
    assert_eq!(id(&received), "msg-000001");
}

/// A retry that falls due wakes.
pub async fn a_retry_wakes(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_backoff(TICK, 1.0, TICK);
    let stage = Stage::with(backend, policy).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    stage.nack(&held, "boom").await;
    let again = stage.wait_during(stage.advance(2 * TICK)).await;
    assert_eq!((id(&again), again.queue_message.delivery_attempts), (id(&held), 1));
}

/// A reservation that expires wakes.
pub async fn an_expired_reservation_wakes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.try_receive(TICK).await.expect("it is ready");
    let again = stage.wait_during(stage.advance(2 * TICK)).await;
    assert_eq!(id(&again), id(&held));
}

/// When the time is up there is no message, and none is kept back for who waited.
pub async fn ends_with_its_time(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let wait = stage.mail.receive_wait(&stage.to, FAR, TICK);
    let (nothing, ()) = join(wait, stage.advance(2 * TICK)).await;
    assert!(nothing.expect("waiting works").is_none());
    stage.send("msg-000001").await;
    assert_eq!(id(&stage.receive().await), "msg-000001");
}

/// Many wait, and each message goes to one of them.
pub async fn each_message_wakes_one(backend: &dyn Backend) {
    const WAITERS: usize = 8;
    let stage = Stage::new(backend).await;
    let waits = join_all((0..WAITERS).map(|_| stage.wait()));
    let sends = async {
        for number in 0..WAITERS {
            stage.send(&format!("msg-{number:06}")).await;
        }
    };
    let (received, ()) = join(waits, sends).await;
    let ids: BTreeSet<_> = received.iter().map(id).collect();
    assert_eq!(ids.len(), WAITERS);
    let fences: BTreeSet<_> = received.iter().map(|received| received.fence).collect();
    assert_eq!(fences.len(), WAITERS);
    assert_eq!(stage.stats().await.reserved, WAITERS as u64);
}

/// A message of another mailbox wakes nobody here.
pub async fn other_mailboxes_do_not_wake(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let other = stage.at("writer:w2");
    let sends = async {
        other.send("msg-000001").await;
        stage.send("msg-000002").await;
    };
    assert_eq!(id(&stage.wait_during(sends).await), "msg-000002");
    assert_eq!(id(&other.receive().await), "msg-000001");
}

/// A wait that is dropped, at whatever point, keeps no message back.
pub async fn dropped_waits_keep_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut taken = BTreeSet::new();
    for polls in 0..20 {
        let wait = stage.mail.receive_wait(&stage.to, FAR, FAR);
        let sent = async {
            settle_down(&stage).await;
            stage.send(&format!("msg-{polls:06}")).await;
        };
        let (received, ()) = join(cut_off(wait, polls), sent).await;
        if let Some(received) = received {
            taken.insert(id(&received.expect("waiting works").expect("cut off, not timed out")));
        }
    }
    while taken.len() < 20 {
        taken.insert(id(&stage.wait().await));
    }
    stage.nothing_is_ready().await;
}

/// Bad input is refused before anything waits.
pub async fn refuses_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let too_long = MAX_WAIT + TICK;
    let refused = stage.mail.receive_wait(&stage.to, FAR, too_long).await;
    is_invalid!(refused, ReceiveError, "timeout");
    let refused = stage.mail.receive_wait(&bad_agent(), FAR, TICK).await;
    is_invalid!(refused, ReceiveError, "agent type");
    let refused = stage.mail.receive_wait(&stage.to, 1_000 * MAX_WAIT, TICK).await;
    is_invalid!(refused, ReceiveError, "visibility timeout");
}
