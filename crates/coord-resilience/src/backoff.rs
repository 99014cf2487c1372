//! Delays between attempts: [`Backoff`], an iterator factory, and its [`Jitter`].

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use crate::error::ConfigError;

/// How the exponential delay is spread so that callers do not retry in step.
///
/// `d` is `min(cap, base * factor^n)`. The cap holds after jitter for every kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Uniform in `[0, d]`.
    #[default]
    Full,
    /// Uniform in `[d/2, d]`.
    Equal,
    /// Uniform in `[base, 3 * previous delay]`, at most the cap.
    Decorrelated,
    /// Exactly `d`.
    None,
}

/// An exponential backoff.
///
/// # Defaults
/// base 1 s, factor 2, cap 60 s, [`Jitter::Full`].
///
/// ```
/// use std::time::Duration;
/// use coord_resilience::{Backoff, Jitter};
///
/// let delays: Vec<_> = Backoff::new().with_jitter(Jitter::None).delays(7).take(3).collect();
/// assert_eq!(delays, [1, 2, 4].map(Duration::from_secs));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(60),
            jitter: Jitter::Full,
        }
    }

    /// The same delay every time, without jitter.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self { base: delay, factor: 1.0, cap: delay, jitter: Jitter::None }
    }

    /// The first delay before jitter; more than the cap means the cap. Default 1 s.
    #[must_use]
    pub const fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Growth per delay, at least 1 and finite. Default 2.
    #[must_use]
    pub const fn with_factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The longest delay, after jitter. Default 60 s.
    #[must_use]
    pub const fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The kind of jitter. Default full.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The longest delay.
    #[must_use]
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// Checks the factor.
    ///
    /// # Errors
    /// [`ConfigError`] if the factor is below 1, infinite or not a number.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.factor.is_finite() && self.factor >= 1.0 {
            return Ok(());
        }
        Err(ConfigError::new("factor", self.factor, "finite and at least 1"))
    }

    /// The endless sequence of delays, reproducible from the seed.
    #[must_use]
    pub fn delays(&self, seed: u64) -> Delays {
        Delays { backoff: *self, step: self.base, previous: self.base, rng: Rng::new(seed) }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl IntoIterator for Backoff {
    type Item = Duration;
    type IntoIter = Delays;

    /// The delays from a seed that differs every time.
    fn into_iter(self) -> Delays {
        self.delays(random_seed())
    }
}

/// The delays of a [`Backoff`]; never ends.
#[derive(Clone, Debug)]
pub struct Delays {
    backoff: Backoff,
    step: Duration,
    previous: Duration,
    rng: Rng,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Backoff { base, factor, cap, jitter } = self.backoff;
        let full = self.step.min(cap);
        self.step = scale(full, factor).min(cap);
        let delay = match jitter {
            Jitter::Full => self.rng.between(Duration::ZERO, full),
            Jitter::Equal => self.rng.between(full / 2, full),
            Jitter::Decorrelated => {
                let low = base.min(cap);
                self.rng.between(low, self.previous.saturating_mul(3).clamp(low, cap.max(low)))
            }
            Jitter::None => full,
        };
        // Rounding in floating point must not pass the cap either.
        let delay = delay.min(cap);
        self.previous = delay;
        Some(delay)
    }
}

/// `duration * factor`, saturating. A factor that is not a number yields the maximum.
pub(crate) fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// A seed from the process's random state.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// splitmix64: enough for spreading delays, reproducible, not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high]`; `low` if they are the wrong way round.
    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low.saturating_add(scale(high.saturating_sub(low), self.unit()))
    }
}
