//! Behaving as the original where `coord` differs by default.

use coord_core::capability::{CapabilityMatcher, VersionOrder};
use coord_core::registry::EventPublication;
use coord_core::{ExpiryPolicy, MailboxPolicy};

/// One thing that `coord` does in another way than the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub topic: &'static str,
    /// What the original does.
    pub original: &'static str,
    /// What `coord` does by default.
    pub ours: &'static str,
    /// How to get the original's behaviour, or why there is no way.
    pub preset: &'static str,
}

/// Every known difference; the table of `docs/migrating-from-tta.md` is this one.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        topic: "keys",
        original: "its own, under `ao`; one payload in up to three places",
        ours: "compact layout under `coord`; the payload once",
        preset: "`redis_config` (layout `Tta`, prefix `ao`)",
    },
    Difference {
        topic: "expired reservation",
        original: "comes back without a trace, for ever",
        ours: "counts as a failed delivery and can end in the dead-letter queue",
        preset: "`mailbox_policy` (`ExpiryPolicy::KeepAttempts`)",
    },
    Difference {
        topic: "ack or nack of a lost reservation",
        original: "`False`",
        ours: "a typed refusal, `SettleError::ReservationLost`",
        preset: "none: ask `is_reservation_lost()`",
    },
    Difference {
        topic: "message that cannot be read",
        original: "goes to the dead-letter queue, its copy stays in the list",
        ours: "goes to the dead-letter queue, and nothing stays",
        preset: "none: what stays fills the queue up",
    },
    Difference {
        topic: "clock",
        original: "the client's, for every score and deadline",
        ours: "the server's",
        preset: "none: what Python writes is still read",
    },
    Difference {
        topic: "versions of capabilities",
        original: "compared as texts: 1.10.0 is less than 1.9.0",
        ours: "compared by semantic versioning",
        preset: "`matcher` (`VersionOrder::Text`)",
    },
    Difference {
        topic: "agent instances",
        original: "any text, also with colons",
        ours: "at most 128 bytes, no `:`, `{`, `}` or control characters",
        preset: "none: keys with more colons cannot be told apart",
    },
    Difference {
        topic: "subscriptions",
        original: "are never removed",
        ours: "go with their last handle",
        preset: "`MessageSubscription::leave`",
    },
    Difference {
        topic: "events of agents",
        original: "published whenever events are enabled",
        ours: "published if asked for",
        preset: "`event_publication`, given to `RedisAgentRegistry::publishing`",
    },
    Difference {
        topic: "heartbeats of short-lived agents",
        original: "once a second, also with a TTL under a second",
        ours: "at least twice in a TTL",
        preset: "`RegistryPolicy::with_interval`",
    },
    Difference {
        topic: "successes of a circuit breaker",
        original: "do not reset the count of failures while it is closed",
        ours: "a success resets the count of failures in a row",
        preset: "the breaker's own configuration in `coord-resilience`",
    },
];

/// The policy of the original's mailboxes: expired reservations count no attempt.
pub const fn mailbox_policy() -> MailboxPolicy {
    MailboxPolicy::new().with_expiry(ExpiryPolicy::KeepAttempts)
}

/// The matcher of the original: versions compare as texts.
pub const fn matcher() -> CapabilityMatcher {
    CapabilityMatcher::new().with_versions(VersionOrder::Text)
}

/// What the original publishes about its agents, on its channels.
pub fn event_publication() -> EventPublication {
    EventPublication::new()
}

/// Where the original keeps its data: its keys, under its prefix `ao`.
///
/// ```no_run
/// use coord_core::NullMetrics;
/// use coord_redis::RedisMessageCoordinator;
/// use std::sync::Arc;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = coord_tta::redis_config("redis://127.0.0.1:6379")?;
/// let policy = coord_tta::mailbox_policy();
/// let mail = RedisMessageCoordinator::connect_with(config, policy, Arc::new(NullMetrics)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`InvalidInput`](coord_core::InvalidInput) about `url`.
#[cfg(feature = "redis")]
pub fn redis_config(url: &str) -> Result<coord_redis::RedisConfig, coord_core::InvalidInput> {
    Ok(coord_redis::RedisConfig::from_url(url)?.with_layout(coord_redis::KeyLayout::Tta))
}
