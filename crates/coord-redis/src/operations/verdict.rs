//! What is to become of a failed delivery on the original's layout, decided by the client.
//!
//! There the attempts stand inside the JSON, which scripts do not look into. So the client
//! rewrites the envelope and tells the script where it goes.

use std::time::Duration;

use coord_core::{
    ExpiryPolicy, FailureType, MailboxPolicy, QueueMessage, VISIBILITY_TIMEOUT_EXPIRED,
};

/// Where a message goes, in which form.
pub(crate) struct Verdict {
    /// 9, 5 or 1; 0 for the dead-letter queue.
    pub(crate) level: u8,
    pub(crate) attempts: u32,
    pub(crate) delay: Duration,
    pub(crate) json: Vec<u8>,
}

impl Verdict {
    /// After a consumer gave the message back.
    pub(crate) fn of_nack(
        policy: &MailboxPolicy,
        stored: &[u8],
        failure: FailureType,
        error: Option<&str>,
    ) -> Self {
        let Some((queued, json)) = counted(stored, error) else { return Self::unreadable(stored) };
        let attempts = queued.delivery_attempts.saturating_add(1);
        let dead = failure == FailureType::Permanent || policy.is_exhausted(attempts);
        Self {
            level: if dead { 0 } else { queued.priority.number() },
            attempts,
            delay: if dead { Duration::ZERO } else { policy.backoff(attempts) },
            json,
        }
    }

    /// After the reservation expired.
    pub(crate) fn of_expiry(policy: &MailboxPolicy, stored: &[u8]) -> Self {
        match policy.expiry() {
            ExpiryPolicy::CountAttempt => {
                let error = Some(VISIBILITY_TIMEOUT_EXPIRED);
                let verdict = Self::of_nack(policy, stored, FailureType::Transient, error);
                Self { delay: Duration::ZERO, ..verdict }
            }
            ExpiryPolicy::KeepAttempts => match QueueMessage::from_wire(stored) {
                Ok(queued) => Self {
                    level: queued.priority.number(),
                    attempts: queued.delivery_attempts,
                    delay: Duration::ZERO,
                    json: stored.to_vec(),
                },
                Err(_) => Self::unreadable(stored),
            },
        }
    }

    /// Bytes that are no message go to the dead-letter queue as they are.
    fn unreadable(stored: &[u8]) -> Self {
        Self { level: 0, attempts: 0, delay: Duration::ZERO, json: stored.to_vec() }
    }
}

/// The message, and its stored text with one more failed delivery.
fn counted(stored: &[u8], error: Option<&str>) -> Option<(QueueMessage, Vec<u8>)> {
    let queued = QueueMessage::from_wire(stored).ok()?;
    let text = std::str::from_utf8(stored).ok()?;
    let attempts = queued.delivery_attempts.saturating_add(1);
    let json = QueueMessage::rewrite(text, attempts, error).ok()?;
    Some((queued, json.into_bytes()))
}
