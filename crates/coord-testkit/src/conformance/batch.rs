//! Several messages in one step.

use coord_core::{AgentMessage, MailboxPolicy, MessagePriority, SendError, SendOptions};

use super::stage::{Stage, bad_agent, id, is_invalid, is_lost};
use super::{Backend, FAR};

/// Messages with ids of their own, without options.
fn batch(stage: &Stage<'_>, ids: &[&str]) -> Vec<(AgentMessage, SendOptions)> {
    ids.iter().map(|id| (stage.message(id), SendOptions::new())).collect()
}

/// Each message has its result, in order; what finds no room does not undo the others.
pub async fn sends_answer_in_order(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(3)).await;
    stage.send("msg-000000").await;
    let sent = batch(&stage, &["msg-000001", "msg-000002", "msg-000003"]);
    let results = stage.mail.send_batch(&stage.from, &stage.to, sent).await;
    let results = results.expect("the messages are valid");
    let ids: Vec<_> = results.iter().map(|result| result.message_id.as_str()).collect();
    assert_eq!(ids, ["msg-000001", "msg-000002", "msg-000003"]);
    let delivered: Vec<_> = results.iter().map(coord_core::MessageResult::delivered).collect();
    assert_eq!(delivered, [true, true, false]);
    assert_eq!(results[2].error().as_deref(), Some("queue full"));
    assert_eq!(stage.drain().await, ["msg-000000", "msg-000001", "msg-000002"]);
}

/// Options hold for the message they came with.
pub async fn send_options_are_each_ones_own(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut sent = batch(&stage, &["msg-000001", "msg-000002"]);
    sent[0].1 = SendOptions::new().with_delay(FAR);
    match stage.mail.send_batch(&stage.from, &stage.to, sent).await {
        Err(SendError::Unsupported(_)) => stage.is_untouched().await,
        results => {
            assert_eq!(results.expect("the messages are valid").len(), 2);
            assert_eq!(stage.drain().await, ["msg-000002"]);
            assert_eq!(stage.stats().await.delayed, 1);
        }
    }
}

/// An empty batch is fine.
pub async fn of_nothing_is_fine(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let sent = stage.mail.send_batch(&stage.from, &stage.to, Vec::new()).await;
    assert!(sent.expect("there is nothing to refuse").is_empty());
    let received = stage.mail.receive_batch(&stage.to, 10, FAR).await;
    assert!(received.expect("receive works").is_empty());
    let acked = stage.mail.ack_batch(&stage.to, &[]).await;
    assert!(acked.expect("ack works").is_empty());
    stage.is_untouched().await;
}

/// Up to as many as were asked for are reserved, in serving order, each with its own fence.
pub async fn receives_in_order_up_to_its_bound(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send_at("msg-000003", MessagePriority::Low).await;
    stage.send("msg-000002").await;
    stage.send_at("msg-000001", MessagePriority::High).await;
    let two = stage.mail.receive_batch(&stage.to, 2, FAR).await.expect("receive works");
    assert_eq!(two.iter().map(id).collect::<Vec<_>>(), ["msg-000001", "msg-000002"]);
    assert!(two[0].fence < two[1].fence && two[0].token != two[1].token);
    let rest = stage.mail.receive_batch(&stage.to, 100, FAR).await.expect("receive works");
    assert_eq!(rest.iter().map(id).collect::<Vec<_>>(), ["msg-000003"]);
    assert_eq!(stage.stats().await.reserved, 3);
}

/// Each token has its answer, in order.
pub async fn acks_answer_in_order(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for id in ["msg-000001", "msg-000002", "msg-000003"] {
        stage.send(id).await;
    }
    let held = [stage.receive().await, stage.receive().await, stage.receive().await];
    let tokens = held.map(|it| it.token);
    stage.mail.ack(&stage.to, &tokens[1]).await.expect("it is reserved");
    let acked = stage.mail.ack_batch(&stage.to, &tokens).await;
    assert_eq!(acked.expect("ack works"), [true, false, true]);
    stage.is_untouched().await;
}

/// One is settled and the next reserved; a lost reservation does not keep the next one back.
pub async fn ack_and_receive_does_both(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for id in ["msg-000001", "msg-000002", "msg-000003"] {
        stage.send(id).await;
    }
    let first = stage.receive().await;
    let step = stage.mail.ack_and_receive(&stage.to, &first.token, FAR).await;
    let step = step.expect("both work");
    let second = step.next.expect("two are ready");
    assert_eq!((step.settled, id(&second).as_str()), (true, "msg-000002"));
    is_lost(stage.mail.ack(&stage.to, &first.token).await);

    let step = stage.mail.ack_and_receive(&stage.to, &first.token, FAR).await;
    let step = step.expect("both work");
    let third = step.next.expect("one is ready");
    assert_eq!((step.settled, id(&third).as_str()), (false, "msg-000003"));

    let step = stage.mail.ack_and_receive(&stage.to, &third.token, FAR).await;
    let step = step.expect("both work");
    assert!(step.settled && step.next.is_none());
    stage.ack(&second).await;
    stage.is_untouched().await;
}

/// Bad input is refused by name of the field, with nothing done.
pub async fn refuses_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let sent = batch(&stage, &["msg-000001"]);
    let refused = stage.mail.send_batch(&stage.from, &bad_agent(), sent).await;
    is_invalid!(refused, SendError, "agent type");
    let received = stage.mail.receive_batch(&bad_agent(), 1, FAR).await;
    is_invalid!(received, ReceiveError, "agent type");
    let received = stage.mail.receive_batch(&stage.to, 1, std::time::Duration::MAX).await;
    is_invalid!(received, ReceiveError, "visibility timeout");
    let mut sent = batch(&stage, &["msg-000001"]);
    sent[0].1 = SendOptions::new().with_dedup_window(std::time::Duration::ZERO);
    let refused = stage.mail.send_batch(&stage.from, &stage.to, sent).await;
    is_invalid!(refused, SendError, "dedup_window");
    stage.is_untouched().await;
}
