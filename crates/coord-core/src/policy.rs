//! How a mailbox behaves, changeable while it runs.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::error::InvalidInput;
use crate::message::{AgentMessage, MessagePriority, MessageType};
use crate::time::micros;

/// What an expired reservation counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpiryPolicy {
    /// As a failed attempt, so that a message that kills its consumers ends in the dead-letter
    /// queue.
    #[default]
    CountAttempt,
    /// As nothing: the original's behaviour, in which such a message loops for ever.
    KeepAttempts,
}

/// Limits, back-off and order of a mailbox.
///
/// # Defaults
/// - `queue_size`: 10 000 messages (ready, delayed and reserved together)
/// - `retry_attempts`: 3 (the fourth failure is the last)
/// - `backoff_base`: 1 s, `backoff_factor`: 2, `backoff_max`: 30 s
/// - `expiry`: [`ExpiryPolicy::CountAttempt`]
/// - `dead_limit`: none, dead letters rest until somebody takes them
/// - `low_every`: none, so that a HIGH message always goes first
/// - `queue_reserve`: 0, all of the capacity is for everybody
/// - `sender_quota`: none
/// - `hop_limit`: 100 hand-overs of the same work
/// - `ping_pong_limit`: none, since a dialogue looks the same
///
/// ```
/// use coord_core::MailboxPolicy;
/// use std::time::Duration;
///
/// let policy = MailboxPolicy::new().with_queue_size(100).with_retry_attempts(5);
/// assert_eq!(policy.backoff(1), Duration::from_secs(1));
/// assert_eq!(policy.backoff(5), Duration::from_secs(16));
/// assert_eq!(policy.backoff(6), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MailboxPolicy {
    queue_size: u64,
    retry_attempts: u32,
    backoff_base: Duration,
    backoff_factor: f64,
    backoff_max: Duration,
    expiry: ExpiryPolicy,
    low_every: Option<NonZeroU32>,
    dead_limit: Option<NonZeroU64>,
    queue_reserve: u64,
    sender_quota: Option<u64>,
    hop_limit: Option<u32>,
    ping_pong_limit: Option<u32>,
}

impl MailboxPolicy {
    /// The largest `queue_size`.
    pub const MAX_QUEUE_SIZE: u64 = 1_000_000_000;
    /// The largest `sender_quota`.
    pub const MAX_SENDER_QUOTA: u64 = 10_000;
    /// The largest `hop_limit`.
    pub const MAX_HOPS: u32 = 1_000;
    /// The longest back-off.
    pub const MAX_BACKOFF: Duration = Duration::from_secs(30 * 86_400);

    /// The defaults.
    pub const fn new() -> Self {
        Self {
            queue_size: 10_000,
            retry_attempts: 3,
            backoff_base: Duration::from_secs(1),
            backoff_factor: 2.0,
            backoff_max: Duration::from_secs(30),
            expiry: ExpiryPolicy::CountAttempt,
            low_every: None,
            dead_limit: None,
            queue_reserve: 0,
            sender_quota: None,
            hop_limit: Some(100),
            ping_pong_limit: None,
        }
    }

    /// At most `messages` ready, delayed and reserved messages; a send over it is refused.
    #[must_use]
    pub const fn with_queue_size(mut self, messages: u64) -> Self {
        self.queue_size = messages;
        self
    }

    /// How many failed deliveries are retried; 0 dead-letters the first.
    #[must_use]
    pub const fn with_retry_attempts(mut self, attempts: u32) -> Self {
        self.retry_attempts = attempts;
        self
    }

    /// The back-off after the first failure, its growth and its cap.
    #[must_use]
    pub const fn with_backoff(mut self, base: Duration, factor: f64, max: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_factor = factor;
        self.backoff_max = max;
        self
    }

    /// What an expired reservation counts as.
    #[must_use]
    pub const fn with_expiry(mut self, expiry: ExpiryPolicy) -> Self {
        self.expiry = expiry;
        self
    }

    /// Every `n`-th reservation of a mailbox starts from its lowest non-empty level, so that a
    /// LOW message at the head waits for at most `n - 1` others. `None` turns the guard off.
    #[must_use]
    pub const fn with_low_every(mut self, n: Option<NonZeroU32>) -> Self {
        self.low_every = n;
        self
    }

    /// The last `messages` of the capacity are kept for HIGH messages and for responses: who is
    /// asked to slow down can still be told so, and work under way still gets its answers.
    #[must_use]
    pub const fn with_queue_reserve(mut self, messages: u64) -> Self {
        self.queue_reserve = messages;
        self
    }

    /// At most `messages` unsettled messages of one sender in a mailbox: one that runs wild does
    /// not take the place of all others. `None` turns that off. Not on the original's layout.
    #[must_use]
    pub const fn with_sender_quota(mut self, messages: Option<u64>) -> Self {
        self.sender_quota = messages;
        self
    }

    /// How often the same work may be handed on, and how often from the same agent to the same
    /// other; `None` for as often as they like. See [`Trail`](crate::Trail).
    #[must_use]
    pub const fn with_hop_limits(mut self, hops: Option<u32>, ping_pong: Option<u32>) -> Self {
        self.hop_limit = hops;
        self.ping_pong_limit = ping_pong;
        self
    }

    /// How many places are kept for HIGH messages and responses.
    pub const fn queue_reserve(&self) -> u64 {
        self.queue_reserve
    }

    /// The most unsettled messages of one sender, if limited.
    pub const fn sender_quota(&self) -> Option<u64> {
        self.sender_quota
    }

    /// How often the same work may be handed on.
    pub const fn hop_limit(&self) -> Option<u32> {
        self.hop_limit
    }

    /// How often the same work may go from one agent to the same other.
    pub const fn ping_pong_limit(&self) -> Option<u32> {
        self.ping_pong_limit
    }

    /// Whether a message may use the places that are kept.
    pub const fn is_privileged(&self, message: &AgentMessage) -> bool {
        matches!(message.priority, MessagePriority::High)
            || matches!(message.message_type, MessageType::Response)
    }

    /// How full the mailbox may be for this message to be taken: below this.
    pub const fn room_for(&self, message: &AgentMessage) -> u64 {
        if self.is_privileged(message) {
            self.queue_size
        } else {
            self.queue_size.saturating_sub(self.queue_reserve)
        }
    }

    /// At most `messages` dead letters in a mailbox: each further one drops the oldest (at most 100
    /// at a time where more are there), which [`MessageMetrics`](crate::MessageMetrics) counts.
    /// `None` keeps all, as the original does.
    #[must_use]
    pub const fn with_dead_limit(mut self, messages: Option<NonZeroU64>) -> Self {
        self.dead_limit = messages;
        self
    }

    /// The most dead letters of a mailbox, if limited.
    pub const fn dead_limit(&self) -> Option<NonZeroU64> {
        self.dead_limit
    }

    /// The most messages of a mailbox.
    pub const fn queue_size(&self) -> u64 {
        self.queue_size
    }

    /// How many failed deliveries are retried.
    pub const fn retry_attempts(&self) -> u32 {
        self.retry_attempts
    }

    /// The back-off after the first failure.
    pub const fn backoff_base(&self) -> Duration {
        self.backoff_base
    }

    /// How much each further back-off grows.
    pub const fn backoff_factor(&self) -> f64 {
        self.backoff_factor
    }

    /// The longest back-off.
    pub const fn backoff_max(&self) -> Duration {
        self.backoff_max
    }

    /// What an expired reservation counts as.
    pub const fn expiry(&self) -> ExpiryPolicy {
        self.expiry
    }

    /// The starvation guard, if on.
    pub const fn low_every(&self) -> Option<NonZeroU32> {
        self.low_every
    }

    /// The pause before the retry that follows failure number `attempts` (from 1).
    ///
    /// `min(base * factor^(attempts - 1), max)`, in whole microseconds, saturating (source: the
    /// original's retry rule, which overflowed).
    pub fn backoff(&self, attempts: u32) -> Duration {
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = micros(self.backoff_base) as f64 * self.backoff_factor.powi(exponent);
        let max = self.backoff_max;
        if self.backoff_base.is_zero() {
            return Duration::ZERO;
        }
        if grown >= micros(max) as f64 {
            return max;
        }
        // Below `max`, hence finite and in range; the sum of rounding is under a microsecond.
        #[expect(clippy::cast_possible_truncation, reason = "below 30 days in microseconds")]
        #[expect(clippy::cast_sign_loss, reason = "base and factor are not negative")]
        Duration::from_micros(grown.round() as u64)
    }

    /// Whether a message that failed `attempts` times is out of retries.
    pub const fn is_exhausted(&self, attempts: u32) -> bool {
        attempts > self.retry_attempts
    }

    /// Checks every field once, at the edge.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the first field out of range and its limit.
    pub fn validate(&self) -> Result<(), InvalidInput> {
        let limit = |field, problem: String| Err(InvalidInput::new(field, problem));
        if self.queue_size == 0 || self.queue_size > Self::MAX_QUEUE_SIZE {
            let max = Self::MAX_QUEUE_SIZE;
            return limit("queue_size", format!("{}, must be 1 to {max}", self.queue_size));
        }
        if let Some(limit_of_dead) = self.dead_limit
            && limit_of_dead.get() > Self::MAX_QUEUE_SIZE
        {
            let max = Self::MAX_QUEUE_SIZE;
            return limit("dead_limit", format!("{limit_of_dead}, must be 1 to {max}"));
        }
        if self.queue_reserve >= self.queue_size {
            let size = self.queue_size;
            let problem = format!("{}, must be less than queue_size {size}", self.queue_reserve);
            return limit("queue_reserve", problem);
        }
        if let Some(quota) = self.sender_quota
            && !(1..=Self::MAX_SENDER_QUOTA).contains(&quota)
        {
            let max = Self::MAX_SENDER_QUOTA;
            return limit("sender_quota", format!("{quota}, must be 1 to {max}"));
        }
        for (field, hops) in
            [("hop_limit", self.hop_limit), ("ping_pong_limit", self.ping_pong_limit)]
        {
            if let Some(hops) = hops
                && !(1..=Self::MAX_HOPS).contains(&hops)
            {
                let max = Self::MAX_HOPS;
                return limit(field, format!("{hops}, must be 1 to {max}"));
            }
        }
        if !self.backoff_factor.is_finite() || self.backoff_factor < 1.0 {
            return limit(
                "backoff_factor",
                format!("{}, must be at least 1 and finite", self.backoff_factor),
            );
        }
        for (field, pause) in
            [("backoff_base", self.backoff_base), ("backoff_max", self.backoff_max)]
        {
            if pause > Self::MAX_BACKOFF {
                return limit(field, format!("{pause:?}, must be at most {:?}", Self::MAX_BACKOFF));
            }
        }
        Ok(())
    }
}

impl Default for MailboxPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_its_cap_and_never_overflows() {
        let policy = MailboxPolicy::new();
        let seconds: Vec<_> = (1..=8).map(|n| policy.backoff(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(policy.backoff(u32::MAX), Duration::from_secs(30));
        assert_eq!(policy.backoff(0), Duration::from_secs(1));
        let zero = policy.with_backoff(Duration::ZERO, 2.0, Duration::from_secs(1));
        assert_eq!(zero.backoff(5000), Duration::ZERO);
        let tiny = policy.with_backoff(Duration::from_micros(1), 10.0, Duration::from_secs(1));
        assert_eq!(tiny.backoff(4), Duration::from_millis(1));
    }

    #[test]
    fn bad_fields_are_named() {
        let policy = MailboxPolicy::new();
        let week = Duration::from_secs(31 * 86_400);
        let second = Duration::from_secs(1);
        for (bad, field) in [
            (policy.with_queue_size(0), "queue_size"),
            (policy.with_queue_size(u64::MAX), "queue_size"),
            (policy.with_dead_limit(NonZeroU64::new(u64::MAX)), "dead_limit"),
            (policy.with_queue_size(10).with_queue_reserve(10), "queue_reserve"),
            (policy.with_sender_quota(Some(0)), "sender_quota"),
            (policy.with_sender_quota(Some(10_001)), "sender_quota"),
            (policy.with_hop_limits(Some(0), None), "hop_limit"),
            (policy.with_hop_limits(None, Some(1_001)), "ping_pong_limit"),
            (policy.with_backoff(second, 0.5, second), "backoff_factor"),
            (policy.with_backoff(second, f64::NAN, second), "backoff_factor"),
            (policy.with_backoff(week, 2.0, second), "backoff_base"),
            (policy.with_backoff(second, 2.0, week), "backoff_max"),
        ] {
            assert_eq!(bad.validate().unwrap_err().field(), field);
        }
        policy.validate().unwrap();
    }
}
