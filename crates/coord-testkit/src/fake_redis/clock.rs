//! The one clock for TIME, TTL, stream ids and blocking time-outs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where the fake server takes its time from. Default: [`Clock::system`].
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Tokio { start: tokio::time::Instant, epoch_us: u64 },
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    now_us: AtomicU64,
    moved: Notify,
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
        let (now_us, moved) = (AtomicU64::new(micros(since_epoch)), Notify::new());
        Self(Kind::Manual(Arc::new(Manual { now_us, moved })))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match &self.0 {
            Kind::System => machine_us(),
            Kind::Tokio { start, epoch_us } => epoch_us + micros(start.elapsed()),
            Kind::Manual(manual) => manual.now_us.load(Ordering::SeqCst),
        }
    }

    /// True if only `Clock::advance` moves it.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self.0, Kind::Manual(_))
    }

    /// The next time that a manual clock is moved; the others never are.
    pub(crate) fn moved(&self) -> Notified<'_> {
        static NEVER: Notify = Notify::const_new();
        match &self.0 {
            Kind::Manual(manual) => manual.moved.notified(),
            _ => NEVER.notified(),
        }
    }

    /// Moves a manual clock forward; the others take no notice.
    pub(crate) fn advance(&self, by: Duration) {
        if let Kind::Manual(manual) = &self.0 {
            manual.now_us.fetch_add(micros(by), Ordering::SeqCst);
            manual.moved.notify_waiters();
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
