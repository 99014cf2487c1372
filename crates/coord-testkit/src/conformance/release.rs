//! Putting back untouched.

use coord_core::MessagePriority;

use super::Backend;
use super::stage::{Stage, id, is_lost};

/// A released message is ready at once.
pub async fn is_back_at_once(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let first = stage.receive().await;
    stage.mail.release(&stage.to, &first.token).await.expect("it is reserved");
    let stats = stage.stats().await;
    assert_eq!((stats.ready.total(), stats.reserved, stats.depth), (1, 0, 1));
    let again = stage.receive().await;
    assert_eq!(id(&again), "msg-000001");
    assert!(again.fence > first.fence);
}

/// It counts no attempt and no error, also after earlier failures.
pub async fn counts_no_attempt(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.receive_expired().await;
    for _ in 0..5 {
        let received = stage.receive().await;
        assert_eq!(received.queue_message.delivery_attempts, 1);
        stage.mail.release(&stage.to, &received.token).await.expect("it is reserved");
    }
}

/// It keeps its level.
pub async fn keeps_the_level(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send_at("msg-000001", MessagePriority::High).await;
    let token = stage.receive().await.token;
    stage.send_at("msg-000002", MessagePriority::Normal).await;
    stage.mail.release(&stage.to, &token).await.expect("it is reserved");
    assert_eq!(stage.drain().await, ["msg-000001", "msg-000002"]);
}

/// A token that holds nothing releases nothing.
pub async fn lost_token(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive().await;
    stage.mail.release(&stage.to, &received.token).await.expect("it is reserved");
    is_lost(stage.mail.release(&stage.to, &received.token).await);
    is_lost(stage.mail.ack(&stage.to, &received.token).await);
    assert_eq!(stage.stats().await.depth, 1);
}
