//! Where messages rest that failed for good.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    AdminError, DeadBody, DeadLetter, DeadSelection, InMemoryMetrics, MailboxPolicy, MessageId,
    MessageType, Page,
};

use super::send::ODD_JSON;
use super::stage::{Stage, agent};
use super::{Backend, FAR, TICK};

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

/// Those that fit are found by what they are and how they died, and nothing is touched.
pub async fn are_found_by_conditions(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let other = agent("editor:e1");
    for (number, kind) in MessageType::ALL.into_iter().enumerate() {
        let mut message = stage.message(&format!("msg-00000{number}"));
        message.message_type = kind;
        if number == 2 {
            message.sender = other.clone();
            stage.send_message(message).await;
            stage.receive_expired().await;
        } else {
            stage.send_message(message).await;
        }
        stage.kill(&stage.receive().await, &format!("error {number}: timeout")).await;
        stage.advance(TICK / 20).await;
    }
    let all = DeadSelection::all;
    let id = |text: &str| MessageId::new(text).expect("it is valid");
    for (selection, wanted) in [
        (all(), &["msg-000000", "msg-000001", "msg-000002"][..]),
        (DeadSelection::ids([id("msg-000001"), id("msg-000007")]), &["msg-000001"]),
        (all().with_error("timeout"), &["msg-000000", "msg-000001", "msg-000002"]),
        (all().with_error("1: t"), &["msg-000001"]),
        (all().with_type(MessageType::Request), &["msg-000000"]),
        (all().with_sender(other), &["msg-000002"]),
        (all().with_attempts(2..=9), &["msg-000002"]),
        (all().with_error("timeout").with_attempts(1..=1), &["msg-000000", "msg-000001"]),
        (all().with_type(MessageType::Event).with_attempts(1..=1), &[]),
    ] {
        let found = stage.mail.find_dead_letters(&stage.to, &selection, Page::default()).await;
        let found = found.expect("finding works");
        assert_eq!(ids(&found.letters), wanted, "{selection:?}");
        let size = wanted.len() as u64;
        assert_eq!((found.total, found.readable), (size, size), "{selection:?}");
    }
    let page = Page { offset: 1, limit: 1 };
    let found = stage.mail.find_dead_letters(&stage.to, &all(), page).await;
    let found = found.expect("finding works");
    assert_eq!((found.total, ids(&found.letters)), (3, vec!["msg-000001".to_owned()]));
    let stats = stage.stats().await;
    assert_eq!((stats.dead, stats.depth), (3, 0));
    assert_eq!(ids(&stage.dead().await), ["msg-000000", "msg-000001", "msg-000002"]);
}

/// They are found by the time of their death, where that is kept; elsewhere asking is refused.
pub async fn are_found_by_time(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    kill(&stage, "msg-000001").await;
    stage.advance(TICK).await;
    let between = stage.now().await;
    stage.advance(TICK / 20).await;
    kill(&stage, "msg-000002").await;
    let all = DeadSelection::all;
    let find = async |selection: DeadSelection| {
        stage.mail.find_dead_letters(&stage.to, &selection, Page::default()).await
    };
    let before = all().with_died_before(between);
    if let Err(error) = find(before.clone()).await {
        assert!(matches!(error, AdminError::Unsupported(_)), "{error}");
        let redriven = stage.mail.redrive(&stage.to, &before, 9).await;
        assert!(matches!(redriven, Err(AdminError::Unsupported(_))), "{redriven:?}");
        let purged = stage.mail.purge(&stage.to, &before).await;
        assert!(matches!(purged, Err(AdminError::Unsupported(_))), "{purged:?}");
        assert_eq!(stage.stats().await.dead, 2);
        return;
    }
    for (selection, wanted) in [
        (before.clone(), &["msg-000001"][..]),
        (all().with_died_from(between), &["msg-000002"]),
        (before.clone().with_died_from(between), &[]),
        (all().with_older_than(FAR), &[]),
    ] {
        let found = find(selection.clone()).await.expect("finding works");
        assert_eq!(ids(&found.letters), wanted, "{selection:?}");
    }
    let later = stage.now().await;
    let age = Duration::from_micros(later.as_micros() - between.as_micros());
    let old = find(all().with_older_than(age)).await.expect("finding works");
    assert!(ids(&old.letters).contains(&"msg-000001".to_owned()), "{old:?}");
    stage.advance(TICK * 2).await;
    assert_eq!(find(all().with_older_than(TICK)).await.expect("finding works").total, 2);
    assert_eq!(stage.mail.redrive(&stage.to, &before, 9).await.expect("redriving works"), 1);
    let old = all().with_older_than(Duration::ZERO);
    stage.advance(TICK / 20).await;
    assert_eq!(stage.mail.purge(&stage.to, &old).await.expect("purging works"), 1);
}

/// What cannot be read is counted apart: it is purged, but not put back.
pub async fn unreadable_ones_are_counted_apart(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    kill(&stage, "msg-000001").await;
    if !backend.inject_raw(&stage.to, b"poison").await {
        return;
    }
    stage.nothing_is_ready().await;
    let find = async |selection: &DeadSelection| {
        let found = stage.mail.find_dead_letters(&stage.to, selection, Page::first(0)).await;
        let found = found.expect("finding works");
        (found.total, found.readable)
    };
    assert_eq!(find(&DeadSelection::all()).await, (2, 1));
    assert_eq!(find(&DeadSelection::all().with_attempts(0..=9)).await, (1, 1));
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

/// A mailbox that keeps two dead letters, under a policy without retries, and what it reports.
async fn limited(backend: &dyn Backend) -> (Stage<'_>, Arc<InMemoryMetrics>) {
    let metrics = Arc::new(InMemoryMetrics::default());
    let policy = MailboxPolicy::new().with_retry_attempts(0).with_dead_limit(NonZeroU64::new(2));
    let mail = backend.coordinator(policy, metrics.clone()).await;
    (Stage { backend, mail, from: agent("planner"), to: agent("writer:w1") }, metrics)
}

/// With a limit, the oldest go for the newer ones, and are counted.
pub async fn a_limit_drops_the_oldest(backend: &dyn Backend) {
    let (stage, metrics) = limited(backend).await;
    for number in 1..=4 {
        kill(&stage, &format!("msg-00000{number}")).await;
        stage.advance(TICK / 20).await;
        assert_eq!(metrics.total_dead_dropped(), u64::max(number, 2) - 2);
    }
    assert_eq!(ids(&stage.dead().await), ["msg-000003", "msg-000004"]);
    let stats = stage.stats().await;
    assert_eq!((stats.dead, stats.depth), (2, 0));
    // What is put back makes room.
    let moved = stage.mail.redrive(&stage.to, &DeadSelection::all(), 1).await;
    assert_eq!(moved.expect("redriving works"), 1);
    stage.kill(&stage.receive().await, "again").await;
    assert_eq!(ids(&stage.dead().await), ["msg-000004", "msg-000003"]);
    assert_eq!(metrics.total_dead_dropped(), 2);
}

/// The limit holds on every way to the dead: expired reservations that are taken back by a
/// receive, a recovery or a wait.
pub async fn a_limit_holds_for_the_expired(backend: &dyn Backend) {
    let (stage, metrics) = limited(backend).await;
    kill(&stage, "msg-000001").await;
    kill(&stage, "msg-000002").await;
    for (number, wanted) in [(3, ["msg-000002", "msg-000003"]), (4, ["msg-000003", "msg-000004"])] {
        stage.advance(TICK / 20).await;
        stage.send(&format!("msg-00000{number}")).await;
        stage.receive_expired().await;
        stage.advance(TICK / 20).await;
        if number == 3 {
            stage.nothing_is_ready().await;
        } else {
            assert_eq!(stage.recover().await, 1);
        }
        assert_eq!(ids(&stage.dead().await), wanted);
        assert_eq!(metrics.total_dead_dropped(), number - 2);
    }
    // One that is there meanwhile, so that the wait ends.
    stage.send("msg-000005").await;
    stage.receive_expired().await;
    stage.send("msg-000006").await;
    stage.advance(TICK / 20).await;
    let received = stage.mail.receive_wait(&stage.to, FAR, FAR).await.expect("waiting works");
    assert!(received.is_some());
    assert_eq!(ids(&stage.dead().await), ["msg-000004", "msg-000005"]);
    assert_eq!(metrics.total_dead_dropped(), 3);
}

/// The limit holds for what cannot be read, too.
pub async fn a_limit_holds_for_the_unreadable(backend: &dyn Backend) {
    let (stage, metrics) = limited(backend).await;
    for (number, bytes) in [&b"poison 1"[..], b"poison 2", b"poison 3"].into_iter().enumerate() {
        if !backend.inject_raw(&stage.to, bytes).await {
            return;
        }
        stage.nothing_is_ready().await;
        stage.advance(TICK / 20).await;
        assert_eq!(metrics.total_dead_dropped(), u64::from(number == 2));
    }
    kill(&stage, "msg-000001").await;
    let letters = stage.dead().await;
    assert_eq!((letters.len(), metrics.total_dead_dropped()), (2, 2));
    assert!(matches!(&letters[0].body, DeadBody::Unreadable { raw, .. } if raw == "poison 3"));
}

/// A limit that is lowered under what lies there is reached a hundred at a time.
pub async fn a_lowered_limit_is_reached_in_steps(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for number in 0..104 {
        kill(&stage, &format!("msg-{number:06}")).await;
    }
    let limit = NonZeroU64::new(1);
    stage.mail.configure(stage.mail.policy().with_dead_limit(limit)).expect("it is valid");
    kill(&stage, "msg-000104").await;
    assert_eq!(stage.stats().await.dead, 5);
    stage.advance(TICK / 20).await;
    kill(&stage, "msg-000105").await;
    assert_eq!(ids(&stage.dead().await), ["msg-000105"]);
}

/// A mailbox without any lists none.
pub async fn none_is_empty(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert!(stage.dead().await.is_empty());
    stage.send("msg-000001").await;
    assert!(stage.dead().await.is_empty());
}
