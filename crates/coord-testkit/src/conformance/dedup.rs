//! The same message id sent again.

use coord_core::{MailboxPolicy, SendOptions, SendOutcome};

use super::stage::Stage;
use super::{Backend, FAR, TICK};

/// Inside the window the same id is accepted once, also after the message was settled.
pub async fn inside_the_window(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_dedup_window(FAR);
    let Some(first) = stage.send_with("msg-000001", options).await else { return };
    assert_eq!(first.outcome, SendOutcome::Accepted);
    for settled in [false, true] {
        if settled {
            stage.ack(&stage.receive().await).await;
        }
        let again = stage.send_with("msg-000001", options).await.expect("it was supported");
        assert_eq!((again.outcome, again.delivered()), (SendOutcome::Duplicate, true));
        assert_eq!(again.message_id.as_str(), "msg-000001");
    }
    let other = stage.send_with("msg-000002", options).await.expect("it was supported");
    assert_eq!(other.outcome, SendOutcome::Accepted);
    assert_eq!(stage.drain().await, ["msg-000002"]);
}

/// After the window the same id is a new message.
pub async fn after_the_window(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_dedup_window(TICK);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    stage.advance(TICK).await;
    let again = stage.send_with("msg-000001", options).await.expect("it was supported");
    assert_eq!(again.outcome, SendOutcome::Accepted);
    assert_eq!(stage.drain().await.len(), 2);
}

/// A window is that of one mailbox.
pub async fn per_mailbox(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_dedup_window(FAR);
    if stage.send_with("msg-000001", options).await.is_none() {
        return;
    }
    let other = stage.at("writer:w2");
    let result = other.send_with("msg-000001", options).await.expect("it was supported");
    assert_eq!(result.outcome, SendOutcome::Accepted);
}

/// Without a window the same id twice is two messages.
pub async fn without_window_twice_is_two(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.advance(TICK).await;
    stage.send("msg-000001").await;
    assert_eq!(stage.drain().await, ["msg-000001", "msg-000001"]);
}

/// A send that a full mailbox refused may be repeated.
pub async fn refused_send_opens_no_window(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.send("msg-000001").await;
    let options = SendOptions::new().with_dedup_window(FAR);
    let Some(refused) = stage.send_with("msg-000002", options).await else { return };
    assert!(!refused.delivered());
    stage.ack(&stage.receive().await).await;
    let again = stage.send_with("msg-000002", options).await.expect("it was supported");
    assert_eq!(again.outcome, SendOutcome::Accepted);
}
