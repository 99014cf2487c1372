//! The one clock for TIME, TTL, stream ids and blocking time-outs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the fake server takes its time from. Default: [`Clock::system`].
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Tokio { start: tokio::time::Instant, epoch_us: u64 },
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The time of the machine.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// Tokio's time: follows `tokio::time::pause` and `advance`. It starts now, at the time of the machine.
    #[must_use]
    pub fn tokio() -> Self {
        let epoch_us = machine_us();
        Self(Kind::Tokio { start: tokio::time::Instant::now(), epoch_us })
    }

    /// A clock that stands at `since_epoch` after 1970 until it is advanced.
    #[must_use]
    pub fn manual(since_epoch: Duration) -> Self {
        Self(Kind::Manual(Arc::new(AtomicU64::new(micros(since_epoch)))))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match &self.0 {
            Kind::System => machine_us(),
            Kind::Tokio { start, epoch_us } => epoch_us + micros(start.elapsed()),
            Kind::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// True if only `Clock::advance` moves it.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self.0, Kind::Manual(_))
    }

    /// Moves a manual clock forward; the others take no notice.
    pub(crate) fn advance(&self, by: Duration) {
        if let Kind::Manual(now) = &self.0 {
            now.fetch_add(micros(by), Ordering::SeqCst);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

fn machine_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
