//! Retrying: [`Retry`] runs an operation until it succeeds or a limit is reached.

mod budget;
mod call;
mod course;
mod error;
mod hooks;
mod policy;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::clock::{Clock, ClockSource};
use crate::error::ConfigError;
use crate::sleep::{BlockingSleeper, Sleeper, ThreadSleeper};

pub use budget::RetryBudget;
pub use call::Call;
pub use error::{Reason, RetryError};
pub use hooks::{AllErrors, Classify, Notify, Silent};
pub use policy::{Class, RetryPolicy};

/// Runs operations with retries. Cheap to clone; make one and keep it.
///
/// ```
/// use coord_resilience::{Backoff, Class, Retry, RetryPolicy, clock::ManualClock};
///
/// // A manual clock waits by moving itself, so this test takes no time.
/// let clock = ManualClock::new();
/// let retry = Retry::with_sleeper(RetryPolicy::new(), clock.clone())?.with_clock(clock);
/// let sum = retry
///     .call_blocking(|attempt| if attempt.number < 3 { Err(std::fmt::Error) } else { Ok(attempt.number) })
///     .when(|result| result.is_err().then_some(Class::Transient))
///     .run_blocking()?;
/// assert_eq!(sum, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Retry<S> {
    sleeper: S,
    limits: Limits,
}

/// All that bounds a run, whatever it waits with.
#[derive(Clone, Debug)]
struct Limits {
    policy: RetryPolicy,
    clock: ClockSource,
    budget: Option<RetryBudget>,
    breaker: Option<CircuitBreaker>,
    seed: Option<u64>,
    /// Whether nothing limits or counts the first attempt: looked at before every run, so kept.
    is_plain: bool,
}

impl Limits {
    fn new(policy: RetryPolicy) -> Self {
        let is_plain = policy.deadline.is_none() && policy.attempt_timeout.is_none();
        let clock = ClockSource::system();
        Self { policy, clock, budget: None, breaker: None, seed: None, is_plain }
    }
}

#[cfg(feature = "tokio")]
impl Retry<crate::sleep::TokioSleeper> {
    /// Retries that wait on tokio's timer.
    ///
    /// # Errors
    /// [`ConfigError`] if the policy is invalid.
    pub fn new(policy: RetryPolicy) -> Result<Self, ConfigError> {
        Self::with_sleeper(policy, crate::sleep::TokioSleeper)
    }
}

impl Retry<ThreadSleeper> {
    /// Retries that block their thread.
    ///
    /// # Errors
    /// [`ConfigError`] if the policy is invalid.
    pub fn blocking(policy: RetryPolicy) -> Result<Self, ConfigError> {
        Self::with_sleeper(policy, ThreadSleeper)
    }
}

impl<S> Retry<S> {
    /// Retries that wait as `sleeper` does.
    ///
    /// # Errors
    /// [`ConfigError`] if the policy is invalid.
    pub fn with_sleeper(policy: RetryPolicy, sleeper: S) -> Result<Self, ConfigError> {
        policy.validate()?;
        Ok(Self { sleeper, limits: Limits::new(policy) })
    }

    /// Measures time on this clock. Default the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.limits.clock = ClockSource::Injected(Arc::new(clock));
        self
    }

    /// Makes each run's delays reproducible. Default random.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.limits.seed = Some(seed);
        self
    }

    /// Takes retries out of this budget. Default none.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.limits.budget = Some(budget);
        self.limits.is_plain = false;
        self
    }

    /// Sends every attempt through this breaker. A rejection is not an attempt: under a deadline
    /// it is waited out if that ends in time, else the run ends. The breaker sees a permanent
    /// error as ignored, a transient or throttled one as a failure.
    #[must_use]
    pub fn with_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.limits.breaker = Some(breaker);
        self.limits.is_plain = false;
        self
    }

    /// A call of the async `op`, to be refined and run.
    pub fn call<T, E, Fut, Op>(&self, op: Op) -> Call<'_, S, Result<T, E>, Op>
    where
        Op: FnMut(Attempt<'_, E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(self, op)
    }

    /// A call of the blocking `op`, to be refined and run.
    pub fn call_blocking<T, E, Op>(&self, op: Op) -> Call<'_, S, Result<T, E>, Op>
    where
        Op: FnMut(Attempt<'_, E>) -> Result<T, E>,
    {
        Call::new(self, op)
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &RetryPolicy {
        &self.limits.policy
    }
}

impl<S: Sleeper> Retry<S> {
    /// Runs `op`, retrying every error as transient.
    ///
    /// Cancel safety: dropping the future drops the attempt under way; nothing is left behind.
    ///
    /// # Errors
    /// [`RetryError`] with the reason, the count and the last error.
    pub fn run<T, E, Fut>(
        &self,
        op: impl FnMut(Attempt<'_, E>) -> Fut,
    ) -> impl Future<Output = Result<T, RetryError<E>>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        self.call(op).run()
    }
}

impl<S: BlockingSleeper> Retry<S> {
    /// Runs `op` on this thread, retrying every error as transient.
    ///
    /// # Errors
    /// [`RetryError`] with the reason, the count and the last error.
    pub fn run_blocking<T, E>(
        &self,
        op: impl FnMut(Attempt<'_, E>) -> Result<T, E>,
    ) -> Result<T, RetryError<E>> {
        self.call_blocking(op).run_blocking()
    }
}

/// What an attempt knows about the run so far.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt<'a, E> {
    /// Which attempt, from 1.
    pub number: u32,
    /// Time since the run began; zero in the first attempt.
    pub elapsed: Duration,
    /// The latest error of an earlier attempt.
    pub last: Option<&'a E>,
}

impl<E> Attempt<'_, E> {
    /// Before anything has happened.
    const FIRST: Self = Self { number: 1, elapsed: Duration::ZERO, last: None };
}

/// What a hook learns before a wait.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retrying<'a, E> {
    /// Attempts made.
    pub attempts: u32,
    /// Time since the run began.
    pub elapsed: Duration,
    /// The wait about to begin.
    pub delay: Duration,
    /// The latest error; `None` if there was none, e.g. if all attempts were cut or accepted
    /// values are retried.
    pub error: Option<&'a E>,
}
