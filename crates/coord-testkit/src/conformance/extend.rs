//! Keeping a message longer.

use std::time::Duration;

use coord_core::MAX_VISIBILITY;

use super::stage::{Stage, is_invalid, is_lost};
use super::{Backend, FAR, TICK};

/// The new deadline is counted from now.
pub async fn counts_from_now(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let token = stage.receive().await.token;
    let before = stage.now().await;
    let extended = stage.mail.extend(&stage.to, &token, FAR * 2).await;
    let deadline = extended.expect("it is reserved").deadline;
    let after = stage.now().await;
    assert!((before + FAR * 2..=after + FAR * 2).contains(&deadline), "{deadline}");
}

/// Past its first deadline the message is still reserved under the same token.
pub async fn keeps_the_message(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.try_receive(TICK).await.expect("a message is ready");
    stage.mail.extend(&stage.to, &received.token, FAR).await.expect("it is reserved");
    stage.advance(TICK * 2).await;
    assert_eq!(stage.recover().await, 0);
    stage.nothing_is_ready().await;
    stage.ack(&received).await;
}

/// A deadline may also come nearer.
pub async fn may_shorten(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let token = stage.receive().await.token;
    stage.mail.extend(&stage.to, &token, Duration::ZERO).await.expect("it is reserved");
    assert_eq!(stage.recover().await, 1);
    is_lost(stage.mail.extend(&stage.to, &token, FAR).await);
}

/// After the deadline it succeeds as long as nobody took the message back.
pub async fn late_extend_succeeds(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive_expired().await;
    stage.mail.extend(&stage.to, &received.token, FAR).await.expect("nobody took it back");
    stage.nothing_is_ready().await;
    stage.ack(&received).await;
}

/// A token that holds nothing extends nothing.
pub async fn lost_token(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive().await;
    stage.ack(&received).await;
    is_lost(stage.mail.extend(&stage.to, &received.token, FAR).await);
    assert_eq!(stage.recover().await, 0);
}

/// A visibility timeout out of range is refused by name and leaves the deadline.
pub async fn refuses_too_long(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive_expired().await;
    let long = MAX_VISIBILITY + Duration::from_micros(1);
    let extended = stage.mail.extend(&stage.to, &received.token, long).await;
    is_invalid!(extended, SettleError, "visibility timeout");
    assert_eq!(stage.recover().await, 1);
}
