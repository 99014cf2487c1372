//! The windows over which a breaker decides. Pure: no clock, no lock.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::{CircuitBreakerConfig, Rates, WindowConfig};
use super::outcome::Cause;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Calls in the window; for windows without a rate, failures only.
    pub total: u64,
    /// Failed calls among them.
    pub failed: u64,
    /// Slow calls among them, failed or not.
    pub slow: u64,
}

/// A window of any kind. Every operation is O(1), amortised for the count window.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    Consecutive { failures: u64, threshold: u64 },
    Cumulative { failures: u64, threshold: u64 },
    Count(CountWindow),
    Time(Box<TimeWindow>),
}

impl Window {
    pub(crate) fn new(config: &CircuitBreakerConfig) -> Self {
        let threshold = u64::from(config.failure_threshold);
        match config.window {
            WindowConfig::Consecutive => Self::Consecutive { failures: 0, threshold },
            WindowConfig::Cumulative => Self::Cumulative { failures: 0, threshold },
            WindowConfig::Count { size, rates } => Self::Count(CountWindow::new(size, rates)),
            WindowConfig::Time { span, rates } => {
                Self::Time(Box::new(TimeWindow::new(span, rates)))
            }
        }
    }

    /// Forgets everything; a time window starts at `now`.
    pub(crate) fn reset(&mut self, now: Duration) {
        match self {
            Self::Consecutive { failures, .. } | Self::Cumulative { failures, .. } => *failures = 0,
            Self::Count(window) => window.reset(),
            Self::Time(window) => window.reset(now),
        }
    }

    /// Moves a time window on to `now`.
    pub(crate) fn advance(&mut self, now: Duration) {
        if let Self::Time(window) = self {
            window.advance(now);
        }
    }

    /// Until when successes may be added in bulk without moving the window.
    pub(crate) fn bulk_until(&self) -> Duration {
        match self {
            Self::Time(window) => window.step_end(),
            _ => Duration::MAX,
        }
    }

    /// Adds `n` fast successes at the window's current end.
    pub(crate) fn successes(&mut self, n: u64) {
        if n == 0 {
            return;
        }
        match self {
            Self::Consecutive { failures, .. } => *failures = 0,
            Self::Cumulative { .. } => {}
            Self::Count(window) => window.skip(n),
            Self::Time(window) => window.add(WindowCounts { total: n, failed: 0, slow: 0 }),
        }
    }

    /// Adds one failed or slow call at the window's current end.
    pub(crate) fn bad(&mut self, failed: bool, slow: bool) {
        let counts = WindowCounts { total: 1, failed: failed.into(), slow: slow.into() };
        match self {
            Self::Consecutive { failures, .. } if failed => *failures += 1,
            Self::Consecutive { failures, .. } => *failures = 0,
            Self::Cumulative { failures, .. } => *failures += counts.failed,
            Self::Count(window) => window.push(counts),
            Self::Time(window) => window.add(counts),
        }
    }

    /// Whether the window says open, and why.
    pub(crate) fn verdict(&self) -> Option<Cause> {
        match self {
            Self::Consecutive { failures, threshold }
            | Self::Cumulative { failures, threshold } => {
                (failures >= threshold).then_some(Cause::FailureThreshold)
            }
            Self::Count(window) => judge(window.counts(), &window.rates),
            Self::Time(window) => judge(window.sum, &window.rates),
        }
    }

    pub(crate) fn counts(&self) -> WindowCounts {
        match self {
            Self::Consecutive { failures, .. } | Self::Cumulative { failures, .. } => {
                WindowCounts { total: *failures, failed: *failures, slow: 0 }
            }
            Self::Count(window) => window.counts(),
            Self::Time(window) => window.sum,
        }
    }
}

fn judge(counts: WindowCounts, rates: &Rates) -> Option<Cause> {
    if counts.total < u64::from(rates.minimum_calls) {
        return None;
    }
    let reached = |part: u64, rate: f64| part > 0 && part as f64 >= rate * counts.total as f64;
    if reached(counts.failed, rates.failure_rate) {
        return Some(Cause::FailureRate);
    }
    rates.slow_rate.filter(|rate| reached(counts.slow, *rate)).map(|_| Cause::SlowRate)
}

/// The last `size` calls. Only the bad ones are stored, with their position in the sequence, so
/// any number of successes is one addition.
#[derive(Clone, Debug)]
pub(crate) struct CountWindow {
    size: u64,
    rates: Rates,
    calls: u64,
    bad: VecDeque<(u64, WindowCounts)>,
    failed: u64,
    slow: u64,
}

impl CountWindow {
    fn new(size: u32, rates: Rates) -> Self {
        let bad = VecDeque::with_capacity(size as usize + 1);
        Self { size: size.into(), rates, calls: 0, bad, failed: 0, slow: 0 }
    }

    fn reset(&mut self) {
        self.bad.clear();
        (self.calls, self.failed, self.slow) = (0, 0, 0);
    }

    fn skip(&mut self, n: u64) {
        self.calls += n;
        while let Some((position, counts)) = self.bad.front() {
            if position + self.size >= self.calls {
                break;
            }
            self.failed -= counts.failed;
            self.slow -= counts.slow;
            self.bad.pop_front();
        }
    }

    fn push(&mut self, counts: WindowCounts) {
        // The position is that of the call before it, so the oldest kept is `calls - size`.
        self.bad.push_back((self.calls, counts));
        self.failed += counts.failed;
        self.slow += counts.slow;
        self.skip(1);
    }

    fn counts(&self) -> WindowCounts {
        WindowCounts { total: self.calls.min(self.size), failed: self.failed, slow: self.slow }
    }
}

/// The calls of the last `span`, in `STEPS` steps with running totals.
#[derive(Clone, Debug)]
pub(crate) struct TimeWindow {
    step: Duration,
    rates: Rates,
    steps: [WindowCounts; STEPS as usize],
    at: u64,
    sum: WindowCounts,
}

impl TimeWindow {
    fn new(span: Duration, rates: Rates) -> Self {
        let step = span / STEPS;
        Self { step, rates, steps: Default::default(), at: 0, sum: WindowCounts::default() }
    }

    fn index(&self, now: Duration) -> u64 {
        u64::try_from(now.as_nanos() / self.step.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    fn reset(&mut self, now: Duration) {
        self.steps = Default::default();
        self.sum = WindowCounts::default();
        self.at = self.at.max(self.index(now));
    }

    fn advance(&mut self, now: Duration) {
        let index = self.index(now);
        for passed in 0..index.saturating_sub(self.at).min(u64::from(STEPS)) {
            let slot = Self::slot(self.at + 1 + passed);
            let old = std::mem::take(&mut self.steps[slot]);
            self.sum.total -= old.total;
            self.sum.failed -= old.failed;
            self.sum.slow -= old.slow;
        }
        self.at = self.at.max(index);
    }

    fn slot(index: u64) -> usize {
        // Below STEPS, so it fits.
        usize::try_from(index % u64::from(STEPS)).unwrap_or(0)
    }

    fn add(&mut self, counts: WindowCounts) {
        for to in [&mut self.steps[Self::slot(self.at)], &mut self.sum] {
            to.total += counts.total;
            to.failed += counts.failed;
            to.slow += counts.slow;
        }
    }

    fn step_end(&self) -> Duration {
        let end = self.step.as_nanos().saturating_mul(u128::from(self.at) + 1);
        Duration::from_nanos(u64::try_from(end).unwrap_or(u64::MAX))
    }
}

const STEPS: u32 = 10;
