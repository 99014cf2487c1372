//! Handing work on.
//!
//! An adapter that refuses to forward as `Unsupported`, with nothing done, keeps these facts.

use coord_core::{
    MailboxPolicy, MessageResult, ReceivedMessage, SendOptions, SendOutcome, SendRefusal,
    SettleError, Trail,
};

use super::stage::{Stage, bad_agent, id, is_invalid, is_lost};
use super::{Backend, FAR};

/// Forwards to `to` what is reserved; `None` if that is not supported.
async fn forward(
    stage: &Stage<'_>,
    held: &ReceivedMessage,
    to: &str,
    options: SendOptions,
) -> Option<Result<MessageResult, SettleError>> {
    let to = stage.at(to).to;
    let message = stage.message("msg-000009");
    match stage.mail.forward(&stage.to, &held.token, &to, message, options).await {
        Err(SettleError::Unsupported(_)) => None,
        forwarded => Some(forwarded),
    }
}

/// The one is settled and the other sent.
pub async fn settles_here_and_sends_there(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let options = SendOptions::new();
    let Some(forwarded) = forward(&stage, &held, "reader", options).await else { return };
    let result = forwarded.expect("it is reserved");
    assert_eq!((result.message_id.as_str(), result.delivered()), ("msg-000009", true));
    stage.is_untouched().await;
    let received = stage.at("reader").receive().await;
    assert_eq!(id(&received), "msg-000009");
    assert!(received.queue_message.message.timestamp.is_some());
}

/// A token that holds nothing sends nothing, however often.
pub async fn lost_token_sends_nothing(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    stage.ack(&held).await;
    for _ in 0..2 {
        let options = SendOptions::new();
        let Some(forwarded) = forward(&stage, &held, "reader", options).await else { return };
        is_lost(forwarded);
    }
    stage.at("reader").is_untouched().await;
}

/// If there is no room, the message is still reserved.
pub async fn refusal_keeps_the_reservation(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.send("msg-000001").await;
    stage.at("reader").send("msg-000002").await;
    let held = stage.receive().await;
    let options = SendOptions::new();
    let Some(forwarded) = forward(&stage, &held, "reader", options).await else { return };
    let result = forwarded.expect("it is reserved");
    assert_eq!((result.delivered(), result.error().as_deref()), (false, Some("queue full")));
    stage.ack(&held).await;
    assert_eq!(stage.at("reader").drain().await, ["msg-000002"]);
}

/// A mailbox may hand on to itself.
pub async fn works_inside_one_mailbox(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let options = SendOptions::new();
    let Some(forwarded) = forward(&stage, &held, "writer:w1", options).await else { return };
    assert!(forwarded.expect("it is reserved").delivered());
    assert_eq!(stage.drain().await, ["msg-000009"]);
    assert_eq!(stage.stats().await.depth, 1);
}

/// A duplicate over there is as good as sent: the message here is settled.
pub async fn duplicate_settles(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_dedup_window(FAR);
    let reader = stage.at("reader");
    if reader.send_with("msg-000009", options).await.is_none() {
        return;
    }
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let Some(forwarded) = forward(&stage, &held, "reader", options).await else { return };
    assert_eq!(forwarded.expect("it is reserved").outcome, SendOutcome::Duplicate);
    stage.is_untouched().await;
    assert_eq!(reader.drain().await, ["msg-000009"]);
}

/// A recipient that cannot name a mailbox is refused by name of the field; nothing is settled.
pub async fn refuses_bad_recipients(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let message = stage.message("msg-000009");
    let options = SendOptions::new();
    let refused = stage.mail.forward(&stage.to, &held.token, &bad_agent(), message, options).await;
    if !matches!(refused, Err(SettleError::Unsupported(_))) {
        is_invalid!(refused, SettleError, "agent type");
    }
    stage.ack(&held).await;
}

/// Passes one piece of work from mailbox to mailbox; the result of the last hand-over.
async fn pass(stage: &Stage<'_>, stops: &[&str]) -> Option<(MessageResult, ReceivedMessage)> {
    stage.send("msg-000001").await;
    let mut held = stage.receive().await;
    let mut at = stage.at("writer:w1");
    let mut last = None;
    for (number, stop) in stops.iter().enumerate() {
        let next = stage.at(stop);
        let message = next.message(&format!("msg-1{number:05}"));
        let options = SendOptions::new();
        let sent = at.mail.forward(&at.to, &held.token, &next.to, message, options).await;
        let result = match sent {
            Err(SettleError::Unsupported(_)) => return None,
            sent => sent.expect("it is reserved"),
        };
        if result.delivered() {
            held = next.receive().await;
            at = next;
        }
        last = Some(result);
    }
    last.map(|result| (result, held))
}

/// The way of the work goes with it, though nobody does anything for that.
pub async fn carries_the_way_on(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let Some((_, held)) = pass(&stage, &["reader", "editor:e1", "writer:w2"]).await else { return };
    let trail = Trail::of(&held.queue_message.message);
    assert_eq!(trail.hops(), 3);
    let names: Vec<&str> = trail.names().collect();
    assert_eq!(names, ["writer:w1", "reader:default", "editor:e1"]);
}

/// Work that goes round for ever is stopped where it is, still reserved.
pub async fn ends_at_the_hop_limit(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_hop_limits(Some(2), None);
    let stage = Stage::with(backend, policy).await;
    let Some((result, held)) = pass(&stage, &["a", "b", "c"]).await else { return };
    assert_eq!(result.refusal(), Some(SendRefusal::HopLimit { limit: 2 }));
    stage.at("c").is_untouched().await;
    stage.at("b").kill(&held, "it goes round").await;
}

/// Two agents that hand the same work back and forth are stopped.
pub async fn ends_a_ping_pong(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_hop_limits(None, Some(2));
    let stage = Stage::with(backend, policy).await;
    let stops = ["b", "writer:w1", "b", "writer:w1", "b"];
    let Some((result, _)) = pass(&stage, &stops).await else { return };
    assert_eq!(result.refusal(), Some(SendRefusal::PingPong { limit: 2 }));
}
