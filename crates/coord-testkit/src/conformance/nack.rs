//! Giving back.

use std::time::Duration;

use coord_core::{
    FailureType, MAX_ERROR_BYTES, MailboxPolicy, MessagePriority, NackOutcome, Payload,
    ReservationToken,
};

use super::send::ODD_JSON;
use super::stage::{Stage, id, is_lost};
use super::{Backend, FAR, TICK};

/// Retries without a pause.
fn at_once() -> MailboxPolicy {
    MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, FAR)
}

/// A transient failure comes back with one more attempt, due after its back-off.
pub async fn transient_comes_back(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_backoff(TICK, 2.0, FAR)).await;
    stage.send("msg-000001").await;
    let received = stage.receive().await;
    let before = stage.now().await;
    let outcome = stage.nack(&received, "boom").await;
    let after = stage.now().await;
    let NackOutcome::Retry { attempts, delay, due } = outcome else { panic!("{outcome:?}") };
    assert_eq!((attempts, delay), (1, TICK));
    assert!((before + delay..=after + delay).contains(&due), "{due}");
    stage.advance(TICK).await;
    let again = stage.receive().await;
    assert_eq!(id(&again), "msg-000001");
    assert_eq!(again.queue_message.delivery_attempts, 1);
    assert_eq!(again.queue_message.message, received.queue_message.message);
    assert_eq!(again.queue_message.enqueued_at, received.queue_message.enqueued_at);
}

/// A timeout is treated as a transient failure.
pub async fn timeout_is_as_transient(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    stage.send("msg-000001").await;
    let token = stage.receive().await.token;
    let nacked = stage.mail.nack(&stage.to, &token, FailureType::Timeout, None).await;
    let outcome = nacked.expect("it is reserved");
    assert!(matches!(outcome, NackOutcome::Retry { attempts: 1, .. }), "{outcome:?}");
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// A permanent failure is dead at once, with its attempt and its error.
pub async fn permanent_is_dead(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let token = stage.receive().await.token;
    let failure = FailureType::Permanent;
    let nacked = stage.mail.nack(&stage.to, &token, failure, Some("no é")).await;
    assert_eq!(nacked.expect("it is reserved"), NackOutcome::DeadLettered { attempts: 1 });
    stage.nothing_is_ready().await;
    let dead = stage.dead_messages().await;
    assert_eq!(dead, [("msg-000001".to_owned(), 1, Some("no é".to_owned()))]);
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (0, 0, 1));
}

/// The failure after the last retry is the end.
pub async fn dead_after_the_retries(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once().with_retry_attempts(2)).await;
    stage.send("msg-000001").await;
    for attempts in 1..=2 {
        let outcome = stage.nack(&stage.receive().await, "boom").await;
        let retried = matches!(outcome, NackOutcome::Retry { attempts: n, .. } if n == attempts);
        assert!(retried, "{outcome:?}");
    }
    let outcome = stage.nack(&stage.receive().await, "last").await;
    assert_eq!(outcome, NackOutcome::DeadLettered { attempts: 3 });
    stage.nothing_is_ready().await;
    let dead = stage.dead_messages().await;
    assert_eq!(dead, [("msg-000001".to_owned(), 3, Some("last".to_owned()))]);
}

/// With no retries the first failure is the end.
pub async fn no_retries_at_all(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once().with_retry_attempts(0)).await;
    stage.send("msg-000001").await;
    let outcome = stage.nack(&stage.receive().await, "boom").await;
    assert_eq!(outcome, NackOutcome::DeadLettered { attempts: 1 });
}

/// The back-off doubles up to its cap.
pub async fn backoff_doubles_to_its_cap(backend: &dyn Backend) {
    let base = Duration::from_millis(2);
    let policy = MailboxPolicy::new().with_backoff(base, 2.0, base * 6).with_retry_attempts(9);
    let stage = Stage::with(backend, policy).await;
    stage.send("msg-000001").await;
    for factor in [1, 2, 4, 6, 6] {
        let outcome = stage.nack(&stage.receive().await, "boom").await;
        let NackOutcome::Retry { delay, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(delay, base * factor);
        stage.advance(delay).await;
    }
}

/// No number of attempts overflows the back-off.
pub async fn backoff_saturates(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_retry_attempts(u32::MAX);
    let stage = Stage::with(backend, policy).await;
    let wire = r#"{"message": {"message_id": "msg-000001", "sender": {"type": "x"}, "recipient": {"type": "y"}, "message_type": "event"}, "delivery_attempts": 2147483646}"#;
    if !backend.inject_raw(&stage.to, wire.as_bytes()).await {
        return;
    }
    let outcome = stage.nack(&stage.receive().await, "boom").await;
    let NackOutcome::Retry { attempts, delay, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((attempts, delay), (2_147_483_647, Duration::from_secs(30)));
}

/// Until then it is not served, and counts as delayed.
pub async fn waits_for_its_backoff(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_backoff(FAR, 2.0, FAR)).await;
    stage.send("msg-000001").await;
    stage.nack(&stage.receive().await, "boom").await;
    stage.nothing_is_ready().await;
    let stats = stage.stats().await;
    assert_eq!((stats.delayed, stats.reserved, stats.depth), (1, 0, 1));
}

/// The last error is the last one, also if that is none.
pub async fn error_is_kept_and_overwritten(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    stage.send("msg-000001").await;
    for error in [Some("boom \"é\" \u{1f600}\n\0"), Some(""), None] {
        let token = stage.receive().await.token;
        let nacked = stage.mail.nack(&stage.to, &token, FailureType::Transient, error).await;
        nacked.expect("it is reserved");
        let again = stage.receive().await;
        assert_eq!(again.queue_message.last_error.as_deref(), error);
        stage.mail.release(&stage.to, &again.token).await.expect("it is reserved");
    }
}

/// An error of any length is taken; a long one loses its end.
pub async fn long_error_is_cut(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    stage.send("msg-000001").await;
    let long = format!("start{}", "é".repeat(MAX_ERROR_BYTES));
    stage.nack(&stage.receive().await, &long).await;
    let kept = stage.receive().await.queue_message.last_error.expect("it has an error");
    assert!(kept.len() <= MAX_ERROR_BYTES && kept.starts_with("starté"), "{}", kept.len());
    assert!(kept.len() > MAX_ERROR_BYTES - 100, "{}", kept.len());
}

/// A retry keeps its level; while it waits, lower ones are served.
pub async fn keeps_its_level_and_lets_others_by(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_backoff(TICK, 2.0, FAR)).await;
    stage.send_at("msg-000001", MessagePriority::High).await;
    stage.send_at("msg-000002", MessagePriority::Low).await;
    stage.send_at("msg-000003", MessagePriority::Normal).await;
    stage.nack(&stage.receive().await, "boom").await;
    stage.advance(TICK).await;
    assert_eq!(id(&stage.receive().await), "msg-000001");

    let other = Stage { to: super::stage::agent("writer:w2"), ..stage };
    other.mail.configure(MailboxPolicy::new().with_backoff(FAR, 2.0, FAR)).expect("it is valid");
    other.send_at("msg-000004", MessagePriority::High).await;
    other.send_at("msg-000005", MessagePriority::Low).await;
    other.nack(&other.receive().await, "boom").await;
    assert_eq!(other.drain().await, ["msg-000005"]);
}

/// A retry goes behind what was ready before it.
pub async fn goes_behind_the_ready(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    stage.advance(TICK).await;
    stage.nack(&stage.receive().await, "boom").await;
    assert_eq!(stage.drain().await, ["msg-000002", "msg-000001"]);
}

/// No byte of the payload and of unknown fields changes, however often it fails.
pub async fn keeps_every_byte(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    let payload = Payload::from_json(ODD_JSON).expect("it is Python's JSON");
    let message = stage.message("msg-000001").with_payload(payload).with_header("a", "b");
    stage.send_message(message.expect("the header is short")).await;
    for attempts in 0..3 {
        let received = stage.receive().await;
        assert_eq!(received.queue_message.delivery_attempts, attempts);
        assert_eq!(received.queue_message.message.payload.as_json(), ODD_JSON);
        assert_eq!(received.queue_message.message.headers.get("a"), Some("b"));
        stage.nack(&received, "boom").await;
    }
}

/// A nack after the deadline succeeds as long as nobody took the message back.
pub async fn late_nack_succeeds(backend: &dyn Backend) {
    let stage = Stage::with(backend, at_once()).await;
    stage.send("msg-000001").await;
    let received = stage.receive_expired().await;
    stage.advance(TICK).await;
    stage.nack(&received, "late").await;
    let again = stage.receive().await.queue_message;
    assert_eq!((again.delivery_attempts, again.last_error.as_deref()), (1, Some("late")));
}

/// A token that holds nothing gives nothing back and changes nothing.
pub async fn lost_token(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let old = stage.receive_expired().await;
    stage.ack(&stage.receive().await).await;
    for token in [old.token, ReservationToken::from_bits(1 << 60)] {
        for failure in [FailureType::Transient, FailureType::Permanent] {
            is_lost(stage.mail.nack(&stage.to, &token, failure, Some("boom")).await);
        }
    }
    stage.is_untouched().await;
}
