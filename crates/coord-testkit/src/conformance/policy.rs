//! Changing the policy.

use std::time::Duration;

use coord_core::{MailboxPolicy, NackOutcome, SendRefusal};

use super::stage::Stage;
use super::{Backend, FAR};

/// A bad field is named and the policy in force stays.
pub async fn refuses_bad_fields(backend: &dyn Backend) {
    let good = MailboxPolicy::new().with_queue_size(7);
    let stage = Stage::with(backend, good).await;
    let long = MailboxPolicy::MAX_BACKOFF + Duration::from_secs(1);
    for (bad, field) in [
        (good.with_queue_size(0), "queue_size"),
        (good.with_queue_size(u64::MAX), "queue_size"),
        (good.with_dead_limit(std::num::NonZeroU64::new(u64::MAX)), "dead_limit"),
        (good.with_backoff(FAR, 0.5, FAR), "backoff_factor"),
        (good.with_backoff(FAR, f64::INFINITY, FAR), "backoff_factor"),
        (good.with_backoff(long, 2.0, FAR), "backoff_base"),
        (good.with_backoff(FAR, 2.0, long), "backoff_max"),
    ] {
        let refused = stage.mail.configure(bad).expect_err("it is out of range");
        assert_eq!(refused.field(), field);
        assert_eq!(stage.mail.policy(), good);
    }
}

/// A new policy holds for what comes later, also for mailboxes in use.
pub async fn holds_for_later_operations(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    let received = stage.receive().await;
    let strict = MailboxPolicy::new().with_queue_size(1).with_retry_attempts(0);
    stage.mail.configure(strict).expect("it is valid");
    assert_eq!(stage.mail.policy(), strict);
    let refused = stage.try_send("msg-000003").await.refusal();
    assert_eq!(refused, Some(SendRefusal::QueueFull { depth: 2, limit: 1 }));
    let outcome = stage.nack(&received, "boom").await;
    assert_eq!(outcome, NackOutcome::DeadLettered { attempts: 1 });
    assert_eq!(stage.drain().await, ["msg-000002"]);
}
