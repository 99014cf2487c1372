//! One message for several mailboxes.

use coord_core::{AgentId, MailboxPolicy, MessageResult, SendError, SendOptions};

use super::stage::{Stage, agent, bad_agent, id, is_invalid};
use super::{Backend, FAR};

fn agents(names: &[&str]) -> Vec<AgentId> {
    names.iter().map(|name| agent(name)).collect()
}

fn delivered(results: &[Result<MessageResult, SendError>]) -> Vec<bool> {
    results.iter().map(|result| result.as_ref().is_ok_and(MessageResult::delivered)).collect()
}

/// There is one result per recipient, in order, and each has its copy.
pub async fn results_are_in_order(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let recipients = agents(&["writer:w1", "reader", "writer:w2"]);
    let message = stage.message("msg-000001");
    let results = stage.mail.broadcast_message(&stage.from, message, &recipients).await;
    assert_eq!(delivered(&results), [true; 3]);
    for recipient in &recipients {
        let other = stage.at(&recipient.to_string());
        assert_eq!(id(&other.receive().await), "msg-000001");
        other.nothing_is_ready().await;
    }
}

/// A full mailbox answers for itself only.
pub async fn a_full_mailbox_does_not_stop_the_others(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.at("reader").send("msg-000001").await;
    let recipients = agents(&["writer:w1", "reader", "writer:w2"]);
    let message = stage.message("msg-000002");
    let results = stage.mail.broadcast_message(&stage.from, message, &recipients).await;
    assert_eq!(delivered(&results), [true, false, true]);
    let refused = results[1].as_ref().expect("a full mailbox is no error");
    assert_eq!(refused.error().as_deref(), Some("queue full"));
    assert_eq!(stage.at("reader").drain().await, ["msg-000001"]);
    assert_eq!(stage.at("writer:w2").drain().await, ["msg-000002"]);
}

/// The message names whom its sender addressed, whoever receives it.
pub async fn keeps_the_original_recipient(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let message = stage.message("msg-000001");
    let recipients = agents(&["reader"]);
    stage.mail.broadcast_message(&stage.from, message.clone(), &recipients).await;
    let received = stage.at("reader").receive().await.queue_message.message;
    assert_eq!((received.sender, received.recipient), (message.sender, message.recipient));
}

/// A recipient that cannot name a mailbox is refused for itself only.
pub async fn an_invalid_recipient_does_not_stop_the_others(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut recipients = agents(&["reader", "writer"]);
    recipients.insert(1, bad_agent());
    let message = stage.message("msg-000001");
    let mut results = stage.mail.broadcast_message(&stage.from, message, &recipients).await;
    assert_eq!(delivered(&results), [true, false, true]);
    is_invalid!(results.swap_remove(1), SendError, "agent type");
}

/// Options hold for each copy.
pub async fn options_hold_for_each(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let recipients = agents(&["reader", "writer"]);
    let (message, options) = (stage.message("msg-000001"), SendOptions::new().with_delay(FAR));
    let results =
        stage.mail.broadcast_message_with(&stage.from, message, &recipients, options).await;
    if results.iter().any(|result| matches!(result, Err(SendError::Unsupported(_)))) {
        return;
    }
    assert_eq!(delivered(&results), [true; 2]);
    for to in ["reader", "writer"] {
        assert_eq!(stage.at(to).stats().await.delayed, 1);
    }
}

/// Nobody to send to is no failure.
pub async fn nobody_is_fine(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let message = stage.message("msg-000001");
    assert!(stage.mail.broadcast_message(&stage.from, message, &[]).await.is_empty());
}
