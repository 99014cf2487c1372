//! Holding a mailbox back: a pause, or a rate.

use std::time::Duration;

use coord_core::RateLimit;

use super::stage::{Stage, bad_agent, id, is_invalid};
use super::{Backend, FAR, TICK};
use futures_util::future::join;

impl Stage<'_> {
    async fn pause(&self) -> bool {
        self.mail.pause(&self.to).await.expect("pausing works")
    }

    async fn resume(&self) -> bool {
        self.mail.resume(&self.to).await.expect("resuming works")
    }

    async fn limit(&self, rate: Option<RateLimit>) {
        self.mail.limit_rate(&self.to, rate).await.expect("limiting works");
    }

    /// The ids of one batch.
    async fn batch(&self) -> Vec<String> {
        let batch = self.mail.receive_batch(&self.to, 10, FAR).await.expect("receiving works");
        batch.iter().map(id).collect()
    }
}

fn rate(messages: u32, per: Duration, burst: u32) -> RateLimit {
    RateLimit::new(messages, per).and_then(|rate| rate.with_burst(burst)).expect("facts are valid")
}

/// A paused mailbox takes messages and hands out none.
pub async fn holds_back(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    assert!(stage.pause().await);
    assert!(!stage.pause().await, "it is paused already");
    stage.send("msg-000002").await;
    stage.nothing_is_ready().await;
    assert!(stage.batch().await.is_empty());
    let stats = stage.stats().await;
    assert!(stats.gate.is_paused);
    assert_eq!((stats.ready.total(), stats.reserved), (2, 0));
    assert!(stage.resume().await);
    assert!(!stage.resume().await, "it is open already");
    assert!(!stage.stats().await.gate.is_paused);
    assert_eq!(stage.drain().await, ["msg-000001", "msg-000002"]);
}

/// What is reserved can be settled, and what comes back waits.
pub async fn spares_what_is_reserved(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    let (first, second) = (stage.receive().await, stage.receive().await);
    stage.pause().await;
    stage.ack(&first).await;
    stage.mail.release(&stage.to, &second.token).await.expect("it is reserved");
    stage.nothing_is_ready().await;
    stage.resume().await;
    assert_eq!(id(&stage.receive().await), "msg-000002");
}

/// Whoever waits at a paused mailbox is woken when it is resumed, not before.
pub async fn waiters_wake_when_it_ends(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.pause().await;
    let early = async {
        stage.send("msg-000001").await;
        stage.advance(TICK).await;
    };
    let wait = stage.mail.receive_wait(&stage.to, FAR, TICK);
    let (nothing, ()) = join(wait, early).await;
    assert!(nothing.expect("waiting works").is_none());
    let wait = stage.mail.receive_wait(&stage.to, FAR, FAR);
    let (received, _) = join(wait, stage.resume()).await;
    assert_eq!(id(&received.expect("waiting works").expect("it is handed out")), "msg-000001");
}

/// A pause of one mailbox is none of another.
pub async fn is_of_one_mailbox(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.pause().await;
    let other = stage.at("reader");
    other.send("msg-000001").await;
    assert_eq!(id(&other.receive().await), "msg-000001");
}

/// A rate lets a burst through and holds the rest back; ending it lets them go.
pub async fn a_rate_lets_a_burst_through(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let limit = rate(1, FAR, 2);
    stage.limit(Some(limit)).await;
    for number in 1..=4 {
        stage.send(&format!("msg-00000{number}")).await;
    }
    assert_eq!(stage.batch().await, ["msg-000001", "msg-000002"]);
    stage.nothing_is_ready().await;
    let gate = stage.stats().await.gate;
    assert_eq!((gate.rate, gate.is_paused), (Some(limit), false));
    stage.limit(None).await;
    assert_eq!(stage.drain().await, ["msg-000003", "msg-000004"]);
    assert_eq!(stage.stats().await.gate.rate, None);
}

/// The rate goes on by itself, also for who waits.
pub async fn a_rate_goes_on(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.limit(Some(rate(1, TICK, 1))).await;
    for number in 1..=3 {
        stage.send(&format!("msg-00000{number}")).await;
    }
    stage.receive().await;
    let wait = stage.mail.receive_wait(&stage.to, FAR, FAR);
    let (received, ()) = join(wait, stage.advance(TICK)).await;
    assert_eq!(id(&received.expect("waiting works").expect("its turn comes")), "msg-000002");
    stage.advance(TICK).await;
    assert_eq!(stage.drain().await.first().map(String::as_str), Some("msg-000003"));
}

/// A pause ends without ending the rate.
pub async fn a_rate_outlives_a_pause(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.limit(Some(rate(1, FAR, 1))).await;
    stage.pause().await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    stage.nothing_is_ready().await;
    stage.resume().await;
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// What is handed to one who waits counts as well.
pub async fn a_rate_counts_what_is_handed_over(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.limit(Some(rate(1, FAR, 1))).await;
    let wait = stage.mail.receive_wait(&stage.to, FAR, FAR);
    let (received, ()) = join(wait, stage.send("msg-000001")).await;
    assert!(received.expect("waiting works").is_some());
    stage.send("msg-000002").await;
    stage.nothing_is_ready().await;
}

/// An id that cannot name a mailbox is refused.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let bad = bad_agent();
    is_invalid!(stage.mail.pause(&bad).await, AdminError, "agent type");
    is_invalid!(stage.mail.resume(&bad).await, AdminError, "agent type");
    is_invalid!(stage.mail.limit_rate(&bad, None).await, AdminError, "agent type");
}
