//! Monotonic time as an input: [`Clock`] and its implementations.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::sync::{AtomicU64, Ordering};

/// A monotonic clock: time since an origin of its own.
///
/// Values of one clock never go backwards; values of two clocks cannot be compared.
pub trait Clock: Send + Sync + Debug {
    /// Time since the clock's origin.
    fn now(&self) -> Duration;

    /// The same time, perhaps some milliseconds behind, for less.
    ///
    /// The breaker reads only this one, so it must be monotonic in itself.
    fn coarse(&self) -> Duration {
        self.now()
    }
}

/// The operating system's monotonic clock; its origin is the first use in the process.
///
/// With the feature `coarse-clock` on Linux, [`Clock::coarse`] reads the kernel's tick clock,
/// which is at most one tick (1 to 4 ms) behind and about seven times cheaper.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
    #[cfg(all(feature = "coarse-clock", target_os = "linux"))]
    coarse_origin: u64,
}

impl SystemClock {
    /// The clock; all instances of a process share their origin.
    #[must_use]
    pub fn new() -> Self {
        static CLOCK: OnceLock<SystemClock> = OnceLock::new();
        *CLOCK.get_or_init(|| Self {
            origin: Instant::now(),
            #[cfg(all(feature = "coarse-clock", target_os = "linux"))]
            coarse_origin: coarse_ns(),
        })
    }

    /// [`Clock::coarse`] in nanoseconds, without the detour over a [`Duration`].
    #[inline]
    pub(crate) fn coarse_ns(&self) -> u64 {
        #[cfg(all(feature = "coarse-clock", target_os = "linux"))]
        return coarse_ns().saturating_sub(self.coarse_origin);
        #[cfg(not(all(feature = "coarse-clock", target_os = "linux")))]
        nanos(self.now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    #[cfg(all(feature = "coarse-clock", target_os = "linux"))]
    #[inline]
    fn coarse(&self) -> Duration {
        Duration::from_nanos(self.coarse_ns())
    }
}

#[cfg(all(feature = "coarse-clock", target_os = "linux"))]
#[inline]
fn coarse_ns() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    (t.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.tv_nsec as u64)
}

/// A clock that stands still until it is told to move. Clones share their time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    ns: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward, for all clones.
    pub fn advance(&self, by: Duration) {
        self.ns.fetch_add(nanos(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.ns.load(Ordering::SeqCst))
    }
}

/// tokio's clock: real time, or the paused time of a test runtime.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
}

#[cfg(feature = "tokio")]
impl TokioClock {
    /// A clock whose origin is now. Under paused time, create it inside the runtime.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

#[cfg(feature = "tokio")]
impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tokio")]
impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// The clock of a breaker or retry: the system's without indirection, or an injected one.
#[derive(Clone, Debug)]
pub(crate) enum ClockSource {
    System(SystemClock),
    Injected(Arc<dyn Clock>),
}

impl ClockSource {
    pub(crate) fn system() -> Self {
        Self::System(SystemClock::new())
    }

    #[inline]
    pub(crate) fn now(&self) -> Duration {
        match self {
            Self::System(clock) => clock.now(),
            Self::Injected(clock) => clock.now(),
        }
    }

    #[inline]
    pub(crate) fn coarse(&self) -> Duration {
        match self {
            Self::System(clock) => clock.coarse(),
            Self::Injected(clock) => clock.coarse(),
        }
    }

    /// Coarse time in nanoseconds (584 years fit).
    #[inline]
    pub(crate) fn coarse_ns(&self) -> u64 {
        match self {
            Self::System(clock) => clock.coarse_ns(),
            Self::Injected(clock) => nanos(clock.coarse()),
        }
    }
}

/// Nanoseconds of a duration, saturating.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
