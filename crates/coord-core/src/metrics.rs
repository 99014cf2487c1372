//! Counters of what a coordinator did, in this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Where a coordinator reports what it did. Every method has an empty body.
///
/// Calls happen on the hot path: an implementation must not block.
pub trait MessageMetrics: Send + Sync {
    /// A send was accepted (`true`) or refused (`false`).
    fn sent(&self, delivered: bool) {
        let _ = delivered;
    }

    /// A message was given back.
    fn nacked(&self) {}

    /// A retry was scheduled after this back-off.
    fn retry_scheduled(&self, backoff: Duration) {
        let _ = backoff;
    }

    /// A message went to the dead-letter queue.
    fn permanent_failure(&self) {}

    /// So many of the oldest dead messages were dropped, to keep a dead-letter queue inside its
    /// limit.
    fn dead_dropped(&self, messages: u64) {
        let _ = messages;
    }
}

/// Reports nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullMetrics;

impl MessageMetrics for NullMetrics {}

/// Counters in memory, for tests and for a snapshot in the original's form.
///
/// ```
/// use coord_core::{InMemoryMetrics, MessageMetrics};
///
/// let metrics = InMemoryMetrics::default();
/// metrics.sent(true);
/// assert_eq!(metrics.snapshot().delivery.delivered_ok, 1);
/// ```
#[derive(Debug, Default)]
pub struct InMemoryMetrics {
    delivered_ok: AtomicU64,
    delivered_error: AtomicU64,
    nacks: AtomicU64,
    retries: AtomicU64,
    permanent: AtomicU64,
    last_backoff_micros: AtomicU64,
    dead_dropped: AtomicU64,
}

impl InMemoryMetrics {
    /// How many dead messages were dropped; not in the snapshot, since the original has no limit.
    pub fn total_dead_dropped(&self) -> u64 {
        self.dead_dropped.load(Ordering::Relaxed)
    }

    /// The counters now. They are read one by one, not as one atomic picture.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last = Duration::from_micros(read(&self.last_backoff_micros));
        MetricsSnapshot {
            retry: RetryCounters {
                total_nacks: read(&self.nacks),
                total_permanent_failures: read(&self.permanent),
                total_retries_scheduled: read(&self.retries),
                last_backoff_seconds: last.as_secs_f64(),
            },
            delivery: DeliveryCounters {
                delivered_ok: read(&self.delivered_ok),
                delivered_error: read(&self.delivered_error),
            },
        }
    }
}

impl MessageMetrics for InMemoryMetrics {
    fn sent(&self, delivered: bool) {
        let counter = if delivered { &self.delivered_ok } else { &self.delivered_error };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn nacked(&self) {
        self.nacks.fetch_add(1, Ordering::Relaxed);
    }

    fn retry_scheduled(&self, backoff: Duration) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        self.last_backoff_micros.store(crate::time::micros(backoff), Ordering::Relaxed);
    }

    fn permanent_failure(&self) {
        self.permanent.fetch_add(1, Ordering::Relaxed);
    }

    fn dead_dropped(&self, messages: u64) {
        self.dead_dropped.fetch_add(messages, Ordering::Relaxed);
    }
}

/// What [`InMemoryMetrics`] counted; its JSON has the original's names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricsSnapshot {
    /// What became of failed deliveries.
    pub retry: RetryCounters,
    /// What became of sends.
    pub delivery: DeliveryCounters,
}

/// What became of failed deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RetryCounters {
    /// Messages given back.
    pub total_nacks: u64,
    /// Messages that went to the dead-letter queue.
    pub total_permanent_failures: u64,
    /// Retries scheduled.
    pub total_retries_scheduled: u64,
    /// The last back-off, in seconds.
    pub last_backoff_seconds: f64,
}

/// What became of sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DeliveryCounters {
    /// Accepted ones, duplicates included.
    pub delivered_ok: u64,
    /// Refused ones.
    pub delivered_error: u64,
}
