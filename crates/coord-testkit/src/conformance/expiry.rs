//! Messages with an end of their own.

use std::time::Duration;

use coord_core::{FailureType, MailboxPolicy, NackOutcome, SendOptions};

use super::stage::Stage;
use super::{Backend, FAR, TICK};

/// What nobody reserved in time is never served and is not dead either.
pub async fn drops_what_nobody_took(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_expires_in(TICK);
    let delayed = options.with_delay(TICK * 3);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    stage.send_with("msg-000002", delayed).await.expect("it was supported");
    stage.send("msg-000003").await;
    stage.advance(TICK * 4).await;
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.delayed, stats.depth), (1, 0, 1), "{stats:?}");
    let peeked: Vec<_> = stage.peek().await;
    assert_eq!(peeked.len(), 1, "{peeked:?}");
    assert_eq!(stage.drain().await, ["msg-000003"]);
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (1, 1, 0), "{stats:?}");
}

/// Before its end it is served like any other.
pub async fn is_served_before(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_expires_in(FAR);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// What is reserved may outlive its end until it is settled.
pub async fn spares_what_is_reserved(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let Some(received) = reserve_then_expire(&stage).await else { return };
    stage.nothing_is_ready().await;
    assert_eq!(stage.stats().await.reserved, 1);
    stage.ack(&received).await;
    stage.is_untouched().await;
}

/// Given back after its end, it is gone instead of coming back.
pub async fn nack_after_it_drops(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let Some(received) = reserve_then_expire(&stage).await else { return };
    let nacked = stage.mail.nack(&stage.to, &received.token, FailureType::Permanent, None).await;
    assert_eq!(nacked.expect("it is reserved"), NackOutcome::Expired);
    stage.is_untouched().await;
}

/// Given back before its end, it still ends, also while it waits for its retry.
pub async fn holds_after_a_nack(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut life = TICK;
    for number in 0..12 {
        let options = SendOptions::new().with_expires_in(life);
        if stage.send_with(&format!("msg-{number:06}"), options).await.is_none() {
            return;
        }
        if let Some(received) = stage.try_receive(FAR).await
            && stage.nack(&received, "once").await != NackOutcome::Expired
        {
            stage.advance(life).await;
            stage.nothing_is_ready().await;
            stage.is_untouched().await;
            return;
        }
        // A slow machine may need longer than this.
        life = life.saturating_mul(2).min(Duration::from_secs(30));
    }
    panic!("no message was given back before its end");
}

/// Expired messages do not keep others out.
pub async fn makes_room(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    let options = SendOptions::new().with_expires_in(TICK);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    stage.advance(TICK).await;
    stage.send("msg-000002").await;
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.depth), (1, 1), "{stats:?}");
    assert_eq!(stage.drain().await, ["msg-000002"]);
}

/// A message that was reserved before its end, which has passed since.
async fn reserve_then_expire(stage: &Stage<'_>) -> Option<coord_core::ReceivedMessage> {
    // A slow machine may need longer than this to reserve; then it is tried with more.
    let mut life = TICK;
    for number in 0..12 {
        let options = SendOptions::new().with_expires_in(life);
        stage.send_with(&format!("msg-{number:06}"), options).await?;
        if let Some(received) = stage.try_receive(FAR).await {
            stage.advance(life).await;
            return Some(received);
        }
        life = life.saturating_mul(2).min(Duration::from_secs(30));
    }
    panic!("no message was served before its end");
}
