//! What became of a message: whoever wants to know can ask.
//!
//! An adapter that refuses the option as `Unsupported`, with nothing written, keeps these facts.

use std::time::Duration;

use coord_core::{
    DeadSelection, MAX_WAIT, Receipt, ReceiptCount, ReceiptTicket, SendOptions, SendOutcome,
};
use futures_util::future::join;

use super::stage::{Stage, agent, bad_agent, is_invalid};
use super::{Backend, FAR, TICK};

impl Stage<'_> {
    /// Sends with a receipt; `None` if that is not supported.
    async fn ticket(&self, id: &str, options: SendOptions) -> Option<ReceiptTicket> {
        let result = self.send_with(id, options.with_receipt()).await?;
        assert_eq!(result.outcome, SendOutcome::Accepted);
        Some(result.ticket.expect("an accepted message has a ticket"))
    }

    async fn receipt(&self, ticket: &ReceiptTicket) -> Receipt {
        let found = self.mail.receipts(std::slice::from_ref(ticket)).await;
        found.expect("asking works")[0]
    }
}

fn is_settled(receipt: Receipt) -> bool {
    matches!(receipt, Receipt::Settled { .. })
}

/// A broadcast can be followed: who has settled it, who has buried it, who is still at it.
pub async fn tell_of_each_recipient(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let options = SendOptions::new().with_receipt();
    let names = ["writer:w1", "writer:w2", "writer:w3"];
    let recipients = names.map(agent);
    let message = stage.message("msg-000001");
    let sent = stage.mail.broadcast_message_with(&stage.from, message, &recipients, options).await;
    let Ok(sent) = sent.into_iter().collect::<Result<Vec<_>, _>>() else { return };
    let tickets: Vec<_> = sent.into_iter().filter_map(|result| result.ticket).collect();
    assert_eq!(tickets.len(), 3);
    let [first, second, third] = names.map(|name| stage.at(name));
    first.ack(&first.receive().await).await;
    second.kill(&second.receive().await, "boom").await;
    let held = third.receive().await;
    let receipts = stage.mail.receipts(&tickets).await.expect("asking works");
    assert!(is_settled(receipts[0]), "{receipts:?}");
    assert!(matches!(receipts[1], Receipt::Dead { .. }), "{receipts:?}");
    assert_eq!(receipts[2], Receipt::Pending);
    let count = ReceiptCount::of(&receipts);
    assert_eq!((count.settled, count.dead, count.pending, count.gone), (1, 1, 1, 0));
    third.ack(&held).await;
    assert!(is_settled(stage.receipt(&tickets[2]).await));
}

/// Every way of settling leaves one, with the time.
pub async fn are_left_by_every_settling(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let before = stage.now().await;
    let mut tickets = Vec::new();
    for number in 1..=3 {
        let id = format!("msg-00000{number}");
        let Some(ticket) = stage.ticket(&id, SendOptions::new()).await else { return };
        tickets.push(ticket);
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(stage.receive().await.token);
    }
    stage.mail.ack_batch(&stage.to, &held[..1]).await.expect("acks");
    stage.mail.ack_and_receive(&stage.to, &held[1], FAR).await.expect("acks");
    let (to, message) = (agent("reader"), stage.message("msg-000009"));
    let options = SendOptions::new();
    stage.mail.forward(&stage.to, &held[2], &to, message, options).await.expect("forwards");
    let after = stage.now().await;
    for ticket in &tickets {
        match stage.receipt(ticket).await {
            Receipt::Settled { at } => assert!(before <= at && at <= after, "{at}"),
            other => panic!("{ticket}: {other:?}"),
        }
    }
}

/// It survives retries and the dead-letter queue.
pub async fn survive_retries_and_death(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let Some(ticket) = stage.ticket("msg-000001", SendOptions::new()).await else { return };
    let held = stage.receive_expired().await;
    assert_eq!(stage.recover().await, 1);
    drop(held);
    let held = stage.receive().await;
    assert_eq!(stage.receipt(&ticket).await, Receipt::Pending);
    stage.kill(&held, "boom").await;
    assert!(matches!(stage.receipt(&ticket).await, Receipt::Dead { .. }));
    let moved = stage.mail.redrive(&stage.to, &DeadSelection::all(), 10).await;
    assert_eq!(moved.expect("redriving works"), 1);
    assert_eq!(stage.receipt(&ticket).await, Receipt::Pending);
    stage.ack(&stage.receive().await).await;
    assert!(is_settled(stage.receipt(&ticket).await));
}

/// What expired was settled by nobody; what was taken before its expiry can be.
pub async fn tell_the_expired_from_the_settled(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let short = SendOptions::new().with_expires_in(TICK);
    let Some(expired) = stage.ticket("msg-000001", short).await else { return };
    stage.advance(TICK * 2).await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.receipt(&expired).await, Receipt::Gone);
    let long = SendOptions::new().with_expires_in(FAR);
    let taken = stage.ticket("msg-000002", long).await.expect("supported a moment ago");
    stage.ack(&stage.receive().await).await;
    assert!(is_settled(stage.receipt(&taken).await));
}

/// Only who asks for it gets a ticket, and a duplicate has none.
pub async fn are_left_only_if_asked_for(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(stage.try_send("msg-000001").await.ticket, None);
    let once = SendOptions::new().with_dedup_window(FAR).with_receipt();
    if stage.send_with("msg-000002", once).await.is_none() {
        return;
    }
    let again = stage.send_with("msg-000002", once).await.expect("supported a moment ago");
    assert_eq!((again.outcome, again.ticket), (SendOutcome::Duplicate, None));
}

/// Waiting for a quorum ends with it, and when nobody can add to it any more.
pub async fn waiting_ends_with_the_quorum(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut tickets = Vec::new();
    for id in ["msg-000001", "msg-000002"] {
        let Some(ticket) = stage.ticket(id, SendOptions::new()).await else { return };
        tickets.push(ticket);
    }
    let settle = async { stage.ack(&stage.receive().await).await };
    let wait = stage.mail.wait_for_receipts(&tickets, 1, FAR);
    let (found, ()) = join(wait, settle).await;
    let count = ReceiptCount::of(&found.expect("waiting works"));
    assert_eq!((count.settled, count.pending), (1, 1));
    let bury = async { stage.kill(&stage.receive().await, "boom").await };
    let wait = stage.mail.wait_for_receipts(&tickets, 2, FAR);
    let (found, ()) = join(wait, bury).await;
    let count = ReceiptCount::of(&found.expect("waiting works"));
    assert_eq!((count.settled, count.dead, count.pending), (1, 1, 0));
}

/// Waiting ends with its time.
pub async fn waiting_ends_with_its_time(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let Some(ticket) = stage.ticket("msg-000001", SendOptions::new()).await else { return };
    let wait = stage.mail.wait_for_receipts(std::slice::from_ref(&ticket), 1, TICK);
    let (found, ()) = join(wait, stage.advance(TICK * 2)).await;
    assert_eq!(found.expect("waiting works"), [Receipt::Pending]);
}

/// A ticket of a mailbox that was never used, or of a number that never was, names nothing.
pub async fn of_nothing_are_gone(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    if stage.ticket("msg-000001", SendOptions::new()).await.is_none() {
        return;
    }
    let unused = ReceiptTicket::new(agent("reader"), 1);
    let unknown = ReceiptTicket::new(stage.to.clone(), 1_999_999_999_999_999);
    let found = stage.mail.receipts(&[unused, unknown]).await.expect("asking works");
    assert_eq!(found, [Receipt::Gone, Receipt::Gone]);
    assert!(stage.mail.receipts(&[]).await.expect("asking works").is_empty());
}

/// Bad tickets and waits are refused by name.
pub async fn refuse_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let bad = [ReceiptTicket::new(bad_agent(), 1)];
    is_invalid!(stage.mail.receipts(&bad).await, AdminError, "agent type");
    let long = MAX_WAIT + Duration::from_micros(1);
    is_invalid!(stage.mail.wait_for_receipts(&[], 1, long).await, AdminError, "timeout");
    let many = vec![ReceiptTicket::new(agent("a"), 1); ReceiptTicket::MAX_COUNT + 1];
    is_invalid!(stage.mail.receipts(&many).await, AdminError, "tickets");
}
