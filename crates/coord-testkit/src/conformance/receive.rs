//! Reserving.

use std::collections::BTreeSet;
use std::time::Duration;

use coord_core::{
    ExpiryPolicy, MAX_VISIBILITY, MailboxPolicy, ReservationToken, VISIBILITY_TIMEOUT_EXPIRED,
};
use tokio::task::JoinSet;

use super::stage::{Stage, bad_agent, id, is_invalid};
use super::{Backend, FAR, TICK};

/// An empty mailbox gives nothing, and asking makes no mailbox.
pub async fn empty_gives_none(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.mail.mailboxes().await.expect("listing works"), []);
    stage.send("msg-000001").await;
    stage.receive().await;
    stage.nothing_is_ready().await;
}

/// Nobody else gets what is reserved.
pub async fn hides_what_is_reserved(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.receive().await;
    stage.nothing_is_ready().await;
    assert_eq!(stage.recover().await, 0);
    let stats = stage.stats().await;
    assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1));
    assert!(stage.peek().await.is_empty());
}

/// The deadline is the server's time plus the visibility timeout, to the microsecond.
pub async fn deadline_is_from_now(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for visibility in [FAR, Duration::from_micros(3_600_000_001), MAX_VISIBILITY] {
        stage.send("msg-000001").await;
        let before = stage.now().await;
        let received = stage.try_receive(visibility).await.expect("a message is ready");
        let after = stage.now().await;
        let deadline = received.visibility_deadline;
        assert!((before + visibility..=after + visibility).contains(&deadline), "{deadline}");
        stage.ack(&received).await;
    }
}

/// The fence grows with every reservation of the mailbox.
pub async fn fence_grows(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut last = 0;
    for _ in 0..4 {
        stage.send("msg-000001").await;
        stage.send("msg-000002").await;
        for _ in 0..2 {
            let received = stage.receive().await;
            assert!(received.fence > last, "{} after {last}", received.fence);
            last = received.fence;
            stage.ack(&received).await;
        }
    }
}

/// Every reservation has a token of its own, also of the same message.
pub async fn tokens_are_new(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let mut tokens = BTreeSet::new();
    for _ in 0..10 {
        let received = stage.receive().await;
        let text = received.token.as_str();
        assert_eq!(ReservationToken::parse(text).as_ref(), Ok(&received.token));
        assert!(tokens.insert(text.to_owned()), "{text} twice");
        stage.mail.release(&stage.to, &received.token).await.expect("it is reserved");
    }
}

/// A receive takes expired reservations back by itself.
pub async fn takes_expired_back(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.try_receive(TICK).await.expect("a message is ready");
    stage.advance(TICK).await;
    assert_eq!(id(&stage.receive().await), "msg-000001");
}

/// An expired reservation counts as a failed delivery and says so.
pub async fn expiry_counts_an_attempt(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    for attempts in 0..3 {
        let queued = stage.receive_expired().await.queue_message;
        assert_eq!(queued.delivery_attempts, attempts);
        let error = (attempts > 0).then_some(VISIBILITY_TIMEOUT_EXPIRED);
        assert_eq!(queued.last_error.as_deref(), error);
    }
}

/// A message that kills its consumers ends in the dead-letter queue.
pub async fn expiry_ends_in_the_dead_letters(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_retry_attempts(1)).await;
    stage.send("msg-000001").await;
    stage.receive_expired().await;
    stage.receive_expired().await;
    stage.nothing_is_ready().await;
    let error = Some(VISIBILITY_TIMEOUT_EXPIRED.to_owned());
    assert_eq!(stage.dead_messages().await, [("msg-000001".to_owned(), 2, error)]);
    assert_eq!(stage.stats().await.depth, 0);
}

/// Under [`ExpiryPolicy::KeepAttempts`] it comes back for ever, as it was.
pub async fn attempts_are_kept_if_asked(backend: &dyn Backend) {
    let policy = MailboxPolicy::new().with_expiry(ExpiryPolicy::KeepAttempts);
    let stage = Stage::with(backend, policy.with_retry_attempts(0)).await;
    stage.send("msg-000001").await;
    for _ in 0..5 {
        let queued = stage.receive_expired().await.queue_message;
        assert_eq!((queued.delivery_attempts, queued.last_error), (0, None));
    }
    assert!(stage.dead().await.is_empty());
}

/// Several consumers share a mailbox, each message goes to one.
pub async fn consumers_never_share(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let sent: BTreeSet<String> = (0..20).map(|number| format!("msg-{number:06}")).collect();
    for id in &sent {
        stage.send(id).await;
    }
    let mut consumers = JoinSet::new();
    for _ in 0..40 {
        let (mail, to) = (stage.mail.clone(), stage.to.clone());
        consumers.spawn(async move { mail.receive(&to, FAR).await });
    }
    let mut got = Vec::new();
    for received in consumers.join_all().await {
        got.extend(received.expect("receive works").map(|it| id(&it)));
    }
    got.sort();
    assert!(got.iter().eq(sent.iter()), "{got:?}");
}

/// A bad agent or visibility timeout is refused by name; nothing is reserved.
pub async fn refuses_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    is_invalid!(stage.mail.receive(&bad_agent(), FAR).await, ReceiveError, "agent type");
    for long in [MAX_VISIBILITY + Duration::from_micros(1), Duration::MAX] {
        let received = stage.mail.receive(&stage.to, long).await;
        is_invalid!(received, ReceiveError, "visibility timeout");
    }
    assert_eq!(stage.stats().await.reserved, 0);
}

/// No instance and the instance `default` are one mailbox.
pub async fn default_instance_is_one_mailbox(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.at("writer").send("msg-000001").await;
    assert_eq!(id(&stage.at("writer:default").receive().await), "msg-000001");
}
