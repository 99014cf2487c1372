//! The breaker that calls go through: [`CircuitBreaker`].

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::config::CircuitBreakerConfig;
use super::events::{Event, EventStream};
use super::metrics::Metrics;
use super::name::BreakerName;
use super::outcome::{Cause, Outcome, State};
use super::permit::{Guard, Permit};
use super::rejection::{CallError, Rejected};
use super::shell::Shell;
use super::state::Machine;
use super::ticket::{Refusal, Ticket};
use crate::backoff::random_seed;
use crate::clock::{Clock, ClockSource};
use crate::error::ConfigError;

/// A circuit breaker. Clones are handles to the same breaker.
///
/// ```
/// use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig};
///
/// let config = CircuitBreakerConfig::new().with_failure_threshold(2);
/// let breaker = CircuitBreaker::new("payments", config)?;
/// for _ in 0..2 {
///     let failed: Result<(), _> = breaker.call_blocking(|| Err("down"));
///     assert!(matches!(failed, Err(CallError::Inner("down"))));
/// }
/// let Err(CallError::Rejected(rejected)) = breaker.call_blocking(|| Ok::<_, &str>(1)) else {
///     panic!("still closed");
/// };
/// assert_eq!(rejected.to_string(), "Circuit breaker payments is OPEN");
/// assert!(rejected.retry_after.is_some());
/// # Ok::<(), coord_resilience::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    shell: Arc<Shell>,
}

impl CircuitBreaker {
    /// A closed breaker on the system's clock.
    ///
    /// # Errors
    /// [`ConfigError`] if the name or the configuration is invalid.
    pub fn new(name: &str, config: CircuitBreakerConfig) -> Result<Self, ConfigError> {
        Self::build(name, config, ClockSource::system(), random_seed())
    }

    /// A closed breaker on a clock of your own; `seed` feeds the jitter of the open time.
    ///
    /// # Errors
    /// [`ConfigError`] if the name or the configuration is invalid.
    pub fn with_clock(
        name: &str,
        config: CircuitBreakerConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        Self::build(name, config, ClockSource::Injected(clock), seed)
    }

    pub(crate) fn build(
        name: &str,
        config: CircuitBreakerConfig,
        clock: ClockSource,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        let name = BreakerName::parse(name)?;
        let machine = Machine::new(config.clone(), seed)?;
        Ok(Self { shell: Arc::new(Shell::new(name, config, clock, machine)) })
    }

    /// Runs `op` if the breaker lets it, and records its result: `Ok` as success, `Err` as
    /// failure.
    ///
    /// Cancel safety: dropped after `slow_threshold` it counts as
    /// [`abandoned`](CircuitBreakerConfig::with_abandoned), before that as nothing; a half-open
    /// probe's place is free again either way. The time runs from the first time `op` waits.
    ///
    /// # Errors
    /// [`CallError::Rejected`] without having called `op`, or [`CallError::Inner`] with its error.
    pub fn call<T, E, Fut>(
        &self,
        op: impl FnOnce() -> Fut,
    ) -> impl Future<Output = Result<T, CallError<E>>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        self.call_with(Outcome::of, op)
    }

    /// As [`call`](Self::call), with a classifier of the result.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_with<T, E, Fut>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        op: impl FnOnce() -> Fut,
    ) -> Result<T, CallError<E>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let mut permit = match self.admit() {
            Ok(permit) => permit,
            Err(refusal) => return self.reject(refusal),
        };
        let mut future = pin!(op());
        // The clock is read only once the call turns out to wait.
        let result = poll_fn(|cx| {
            let poll = future.as_mut().poll(cx);
            if poll.is_pending() {
                permit.start();
            }
            poll
        })
        .await;
        let outcome = classify(&result);
        permit.record(outcome);
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(CallError::Inner(error)),
        }
    }

    /// Runs `op` on this thread if the breaker lets it, and records its result.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_blocking<T, E>(
        &self,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        self.call_blocking_with(Outcome::of, op)
    }

    /// As [`call_blocking`](Self::call_blocking), with a classifier of the result.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_blocking_with<T, E>(
        &self,
        classify: impl FnOnce(&Result<T, E>) -> Outcome,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>> {
        let mut permit = match self.admit() {
            Ok(permit) => permit,
            Err(refusal) => return self.reject(refusal),
        };
        permit.start();
        let result = op();
        let outcome = classify(&result);
        permit.record(outcome);
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(CallError::Inner(error)),
        }
    }

    /// The right to make one call, bound to a borrow of this breaker. Its time runs from here.
    ///
    /// # Errors
    /// [`Rejected`] if the breaker does not let the call pass.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<&Self>, Rejected> {
        let ticket = self.ticket().map_err(|refusal| self.rejected(refusal))?;
        let mut permit = Permit::new(self, ticket);
        permit.start();
        Ok(permit)
    }

    /// As [`try_acquire`](Self::try_acquire), with a handle of its own.
    ///
    /// # Errors
    /// [`Rejected`] if the breaker does not let the call pass.
    pub fn try_acquire_owned(&self) -> Result<Permit, Rejected> {
        let ticket = self.ticket().map_err(|refusal| self.rejected(refusal))?;
        let mut permit = Permit::new(self.clone(), ticket);
        permit.start();
        Ok(permit)
    }

    #[inline(always)]
    pub(crate) fn admit(&self) -> Result<Guard<'_>, Refusal> {
        Ok(Guard::new(&self.shell, self.ticket()?))
    }

    #[inline(always)]
    fn ticket(&self) -> Result<Ticket, Refusal> {
        match self.shell.admit_closed() {
            Some(ticket) => Ok(ticket),
            None => self.admit_slowly(),
        }
    }

    #[cold]
    #[inline(never)]
    fn admit_slowly(&self) -> Result<Ticket, Refusal> {
        self.shell.try_acquire()
    }

    /// Apart from the fast path, and straight into the caller's result.
    #[cold]
    #[inline(never)]
    fn reject<T, E>(&self, refusal: Refusal) -> Result<T, CallError<E>> {
        Err(CallError::Rejected(self.rejected(refusal)))
    }

    #[inline]
    pub(crate) fn rejected(&self, refusal: Refusal) -> Rejected {
        let Refusal { state, retry_after } = refusal;
        Rejected { breaker: self.shell.name.clone(), state, retry_after }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &BreakerName {
        &self.shell.name
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &CircuitBreakerConfig {
        &self.shell.config
    }

    /// Its state; OPEN stays OPEN after its time until the next call.
    #[must_use]
    pub fn state(&self) -> State {
        self.shell.state()
    }

    /// Time until OPEN or an operator's state ends; `None` otherwise or if it has no end.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let now = self.shell.clock.coarse();
        self.shell.with(|locked| locked.machine.retry_after(now))
    }

    /// What it has counted.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shell.metrics()
    }

    /// Back to CLOSED with all counts of the window forgotten, whatever the state (the original
    /// did nothing when CLOSED). Metrics stay.
    pub fn reset(&self) {
        self.control(State::Closed, None);
    }

    /// Puts it into a state by decision of an operator, for `lasting` or, in the operator states,
    /// until further notice. See [`Machine::control`].
    pub fn control(&self, state: State, lasting: Option<Duration>) {
        self.enter(state, lasting, Cause::Operator);
    }

    pub(crate) fn enter(&self, state: State, lasting: Option<Duration>, cause: Cause) {
        let now = self.shell.clock.coarse();
        self.shell.with(|locked| locked.machine.enter_for(state, now, lasting, cause));
    }

    /// Calls `listener` on every event from now on, on the thread that caused it and outside all
    /// locks. Keep it short. A panic in it reaches that caller.
    pub fn on_event(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.shell.listeners.add(Arc::new(listener));
    }

    /// The events from now on, at most `capacity` waiting (at least 1).
    #[must_use]
    pub fn events(&self, capacity: usize) -> EventStream {
        self.shell.listeners.stream(capacity)
    }

    #[inline]
    pub(crate) fn shell(&self) -> &Shell {
        &self.shell
    }

    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.shell) > 1
    }
}
