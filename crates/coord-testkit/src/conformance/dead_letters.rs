//! Where messages rest that failed for good.

use coord_core::{DeadBody, DeadLetter, MailboxPolicy, Page};

use super::Backend;
use super::send::ODD_JSON;
use super::stage::Stage;

fn ids(letters: &[DeadLetter]) -> Vec<String> {
    let of = |letter: &DeadLetter| match &letter.body {
        DeadBody::Message(dead) => dead.message.message_id.to_string(),
        DeadBody::Unreadable { reason, .. } => reason.clone(),
    };
    letters.iter().map(of).collect()
}

/// Sends and kills one message.
async fn kill(stage: &Stage<'_>, id: &str) {
    stage.send(id).await;
    stage.kill(&stage.receive().await, &format!("killed {id}")).await;
}

/// They are listed oldest first, in pages, with the time of death where that is kept.
pub async fn are_oldest_first_in_pages(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let before = stage.now().await;
    for id in ["msg-000003", "msg-000001", "msg-000002"] {
        kill(&stage, id).await;
    }
    let after = stage.now().await;
    let letters = stage.dead().await;
    assert_eq!(ids(&letters), ["msg-000003", "msg-000001", "msg-000002"]);
    for died_at in letters.iter().filter_map(|letter| letter.died_at) {
        assert!((before..=after).contains(&died_at), "{died_at}");
    }
    for (offset, limit, wanted) in [
        (0, 1, &["msg-000003"][..]),
        (1, 2, &["msg-000001", "msg-000002"]),
        (3, 9, &[]),
        (u64::MAX, u32::MAX, &[]),
    ] {
        let page = stage.mail.dead_letters(&stage.to, Page { offset, limit }).await;
        assert_eq!(ids(&page.expect("listing works")), wanted, "{offset} {limit}");
    }
}

/// A dead message is the message as it was, with its attempts and its last error.
pub async fn keep_attempts_and_error(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let payload = coord_core::Payload::from_json(ODD_JSON).expect("it is Python's JSON");
    stage.send_message(stage.message("msg-000001").with_payload(payload)).await;
    stage.receive_expired().await;
    let received = stage.receive().await;
    stage.kill(&received, "boom é").await;
    let letters = stage.dead().await;
    let DeadBody::Message(dead) = &letters[0].body else { panic!("{letters:?}") };
    assert_eq!(dead.message, received.queue_message.message);
    assert_eq!((dead.delivery_attempts, dead.last_error.as_deref()), (2, Some("boom é")));
    assert_eq!(dead.enqueued_at, received.queue_message.enqueued_at);
}

/// Nothing brings them back by itself.
pub async fn are_not_served(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    kill(&stage, "msg-000001").await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.recover().await, 0);
    assert!(stage.peek().await.is_empty());
    stage.nothing_is_ready().await;
    assert_eq!(stage.stats().await.dead, 1);
}

/// They do not count against the capacity.
pub async fn make_room(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    for number in 0..3 {
        kill(&stage, &format!("msg-{number:06}")).await;
    }
    assert_eq!(stage.stats().await.dead, 3);
}

/// A mailbox without any lists none.
pub async fn none_is_empty(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert!(stage.dead().await.is_empty());
    stage.send("msg-000001").await;
    assert!(stage.dead().await.is_empty());
}
