//! A breaker's metrics at one moment.

use std::time::Duration;

use super::outcome::State;
use super::window::WindowCounts;

/// What a breaker has counted since it was made. All zero and `None` at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// All calls asked for, rejected ones included.
    pub total_calls: u64,
    /// Calls that succeeded.
    pub successful_calls: u64,
    /// Calls that failed, panicked, or were abandoned and counted as failed.
    pub failed_calls: u64,
    /// Calls rejected.
    pub rejected_calls: u64,
    /// Calls that took `slow_threshold` or longer, abandoned ones included.
    pub slow_calls: u64,
    /// Calls classified as ignored, or dropped early.
    pub ignored_calls: u64,
    /// Calls dropped without a result, early or late.
    pub abandoned_calls: u64,
    /// Results that came after the breaker had changed its state and so decided nothing. They
    /// are counted as successful, failed or ignored as well.
    pub late_results: u64,
    /// Changes of state.
    pub state_changes: u64,
    /// When the latest failure was recorded, on the breaker's clock.
    pub last_failure_time: Option<Duration>,
    /// When the latest success was recorded, on the breaker's clock.
    pub last_success_time: Option<Duration>,
    /// What the window holds.
    pub window: WindowCounts,
}

impl Metrics {
    /// Failed calls as a share of all calls; 0 without calls.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        self.share(self.failed_calls)
    }

    /// Successful calls as a share of all calls; 0 without calls.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        self.share(self.successful_calls)
    }

    fn share(&self, part: u64) -> f64 {
        if self.total_calls == 0 { 0.0 } else { part as f64 / self.total_calls as f64 }
    }
}

impl State {
    /// True for the states that reject every call: `Open` and `ForcedOpen`.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(self, Self::Open | Self::ForcedOpen)
    }
}
