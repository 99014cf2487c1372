//! The configuration of a breaker, with the original's names, defaults and ranges.

use std::time::Duration;

use crate::error::ConfigError;

/// When a breaker opens, for how long, and how it comes back.
///
/// # Defaults
/// `failure_threshold` 5, `timeout` 60 s, `recovery_timeout` 300 s, `half_open_max_calls` 3,
/// `success_threshold` 2, [`WindowConfig::Consecutive`], `slow_threshold` 5 s,
/// [`Abandoned::Failure`], no open back-off.
///
/// Values are validated once, by [`CircuitBreaker::new`](crate::CircuitBreaker::new).
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitBreakerConfig {
    pub(crate) failure_threshold: u32,
    pub(crate) timeout: Duration,
    pub(crate) recovery_timeout: Duration,
    pub(crate) half_open_max_calls: u32,
    pub(crate) success_threshold: u32,
    pub(crate) half_open_failures: u32,
    pub(crate) window: WindowConfig,
    pub(crate) slow_threshold: Duration,
    pub(crate) abandoned: Abandoned,
    pub(crate) open_factor: f64,
    pub(crate) max_timeout: Duration,
    pub(crate) open_jitter: f64,
}

/// Which calls the decision to open looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum WindowConfig {
    /// `failure_threshold` failures with no success between them.
    #[default]
    Consecutive,
    /// `failure_threshold` failures since the breaker closed, however many successes lie between
    /// them (the original's counting).
    Cumulative,
    /// Rates over the last `size` calls (1 to 10 000).
    Count {
        /// Calls in the window.
        size: u32,
        /// The limits.
        rates: Rates,
    },
    /// Rates over the last `span` (10 ms to 24 h), in ten steps.
    Time {
        /// Length of the window.
        span: Duration,
        /// The limits.
        rates: Rates,
    },
}

/// Limits of a sliding window. They are looked at when a failed or slow call is recorded.
///
/// # Defaults
/// `minimum_calls` 10, failure rate 0.5, slow-call rate off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub(crate) minimum_calls: u32,
    pub(crate) failure_rate: f64,
    pub(crate) slow_rate: Option<f64>,
}

impl Rates {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { minimum_calls: 10, failure_rate: 0.5, slow_rate: None }
    }

    /// Calls the window must hold before a rate counts (at least 1, at most a count window's
    /// size). Default 10.
    #[must_use]
    pub const fn with_minimum_calls(mut self, calls: u32) -> Self {
        self.minimum_calls = calls;
        self
    }

    /// Share of failed calls at which the breaker opens, above 0 and at most 1. Default 0.5.
    #[must_use]
    pub const fn with_failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = rate;
        self
    }

    /// Share of slow calls at which the breaker opens, above 0 and at most 1. Default off.
    #[must_use]
    pub const fn with_slow_rate(mut self, rate: f64) -> Self {
        self.slow_rate = Some(rate);
        self
    }

    fn validate(&self, size: u32) -> Result<(), ConfigError> {
        ConfigError::range("minimum_calls", self.minimum_calls, 1, size)?;
        share("failure_rate", self.failure_rate)?;
        self.slow_rate.map_or(Ok(()), |rate| share("slow_rate", rate))
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::new()
    }
}

/// What a call counts as that was dropped at or after `slow_threshold` without a result.
///
/// Dropped earlier it is neutral. A panic is a failure in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Abandoned {
    /// A failed and slow call: a dependency that hangs behind the caller's own time-out opens
    /// the breaker.
    #[default]
    Failure,
    /// A slow call that did not fail.
    Slow,
    /// Nothing.
    Ignore,
}

impl CircuitBreakerConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            failure_threshold: 5,
            timeout: Duration::from_secs(60),
            recovery_timeout: Duration::from_secs(300),
            half_open_max_calls: 3,
            success_threshold: 2,
            half_open_failures: 0,
            window: WindowConfig::Consecutive,
            slow_threshold: Duration::from_secs(5),
            abandoned: Abandoned::Failure,
            open_factor: 1.0,
            max_timeout: MAX_TIMEOUT,
            open_jitter: 0.0,
        }
    }

    /// Failures that open a breaker without a rate window, 1 to 100. Default 5.
    #[must_use]
    pub const fn with_failure_threshold(mut self, failures: u32) -> Self {
        self.failure_threshold = failures;
        self
    }

    /// How long OPEN lasts, 1 ms to 3600 s. Default 60 s.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a probe may take in HALF_OPEN before it counts as failed and its permit is taken
    /// back; longer than `timeout` and at most 7200 s. Default 300 s.
    #[must_use]
    pub const fn with_recovery_timeout(mut self, timeout: Duration) -> Self {
        self.recovery_timeout = timeout;
        self
    }

    /// Probes at once in HALF_OPEN, 1 to 20. Default 3.
    #[must_use]
    pub const fn with_half_open_max_calls(mut self, calls: u32) -> Self {
        self.half_open_max_calls = calls;
        self
    }

    /// Probes that must succeed to close, 1 to 10 and at most `half_open_max_calls`. Default 2.
    #[must_use]
    pub const fn with_success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = successes;
        self
    }

    /// Failed probes that HALF_OPEN tolerates before it opens again, 0 to 20. Default 0.
    #[must_use]
    pub const fn with_half_open_failures(mut self, failures: u32) -> Self {
        self.half_open_failures = failures;
        self
    }

    /// What the decision to open looks at. Default consecutive failures.
    #[must_use]
    pub const fn with_window(mut self, window: WindowConfig) -> Self {
        self.window = window;
        self
    }

    /// From when on a call is slow, 1 ms to 24 h. Default 5 s.
    ///
    /// Set it below the callers' own time-outs, or their hanging calls look like harmless
    /// cancellations.
    #[must_use]
    pub const fn with_slow_threshold(mut self, threshold: Duration) -> Self {
        self.slow_threshold = threshold;
        self
    }

    /// What a call dropped after `slow_threshold` counts as. Default a failure.
    #[must_use]
    pub const fn with_abandoned(mut self, abandoned: Abandoned) -> Self {
        self.abandoned = abandoned;
        self
    }

    /// Repeated opens last longer: the `n`th in a row `timeout * factor^(n-1)`, at most
    /// `max_timeout` (`timeout` to 24 h); `factor` is 1 to 100. Default factor 1.
    #[must_use]
    pub const fn with_open_backoff(mut self, factor: f64, max_timeout: Duration) -> Self {
        self.open_factor = factor;
        self.max_timeout = max_timeout;
        self
    }

    /// Shortens each open time by a random share of up to `share` (0 to 1), so that breakers do
    /// not probe in step. Default 0.
    #[must_use]
    pub const fn with_open_jitter(mut self, share: f64) -> Self {
        self.open_jitter = share;
        self
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`ConfigError`] with the first field out of its range and that range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::range("failure_threshold", self.failure_threshold, 1, 100)?;
        ConfigError::range("timeout", self.timeout, MIN_TIME, Duration::from_secs(3600))?;
        ConfigError::range("recovery_timeout", self.recovery_timeout, MIN_TIME, secs(7200))?;
        if self.recovery_timeout <= self.timeout {
            let limit = format!("longer than timeout ({:?})", self.timeout);
            return Err(ConfigError::new("recovery_timeout", self.recovery_timeout, limit));
        }
        ConfigError::range("half_open_max_calls", self.half_open_max_calls, 1, 20)?;
        ConfigError::range("success_threshold", self.success_threshold, 1, 10)?;
        if self.success_threshold > self.half_open_max_calls {
            let limit = format!("at most half_open_max_calls ({})", self.half_open_max_calls);
            return Err(ConfigError::new("success_threshold", self.success_threshold, limit));
        }
        ConfigError::range("half_open_failures", self.half_open_failures, 0, 20)?;
        ConfigError::range("slow_threshold", self.slow_threshold, MIN_TIME, MAX_TIMEOUT)?;
        ConfigError::range("open_factor", self.open_factor, 1.0, 100.0)?;
        ConfigError::range("max_timeout", self.max_timeout, self.timeout, MAX_TIMEOUT)?;
        ConfigError::range("open_jitter", self.open_jitter, 0.0, 1.0)?;
        match self.window {
            WindowConfig::Consecutive | WindowConfig::Cumulative => Ok(()),
            WindowConfig::Count { size, rates } => {
                ConfigError::range("window size", size, 1, 10_000)?;
                rates.validate(size)
            }
            WindowConfig::Time { span, rates } => {
                ConfigError::range("window span", span, 10 * MIN_TIME, MAX_TIMEOUT)?;
                rates.validate(u32::MAX)
            }
        }
    }
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self::new()
    }
}

fn share(field: &'static str, value: f64) -> Result<(), ConfigError> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(ConfigError::new(field, value, "above 0 and at most 1"))
}

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

const MIN_TIME: Duration = Duration::from_millis(1);
/// The longest time a breaker stays open on its own, and the cap of open-for hints.
pub(crate) const MAX_TIMEOUT: Duration = secs(24 * 3600);
