//! The breaker as a pure state machine: no clock, no lock, no I/O, no async.

use std::time::Duration;

use super::config::{CircuitBreakerConfig, MAX_TIMEOUT};
use super::outcome::{Cause, Outcome, State, Transition};
use super::ticket::{Refusal, Ticket};
use super::window::{Window, WindowCounts};
use crate::backoff::{Rng, scale};
use crate::error::ConfigError;

/// The state machine of a breaker.
///
/// **Time is an input, never read**: `now` is a monotonic time since any fixed origin, and a
/// `now` older than the latest seen is taken as it is without harm. All that
/// [`CircuitBreaker`](crate::CircuitBreaker) adds is a clock, a lock and the lock-free path
/// around it.
///
/// ```
/// use std::time::Duration;
/// use coord_resilience::breaker::{CircuitBreakerConfig, Machine, Outcome, State};
///
/// let config = CircuitBreakerConfig::new().with_failure_threshold(1);
/// let mut machine = Machine::new(config, 42)?;
/// let now = Duration::ZERO;
/// let ticket = machine.try_acquire(now).unwrap();
/// machine.record(now, ticket, Outcome::FAILURE, false);
/// assert_eq!(machine.state(), State::Open);
/// assert_eq!(machine.try_acquire(now).unwrap_err().retry_after, Some(Duration::from_secs(60)));
/// # Ok::<(), coord_resilience::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    config: CircuitBreakerConfig,
    state: State,
    generation: u64,
    window: Window,
    changed_at: Duration,
    /// End of OPEN, or of an operator's state.
    until: Duration,
    opens_in_a_row: u32,
    probes: Vec<(u64, Duration)>,
    probe_serial: u64,
    probes_ok: u32,
    probes_failed: u32,
    rng: Rng,
    transitions: Vec<Transition>,
}

impl Machine {
    /// A closed breaker; `seed` feeds the jitter of the open time.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration is invalid.
    pub fn new(config: CircuitBreakerConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            state: State::Closed,
            generation: 1,
            window: Window::new(&config),
            changed_at: Duration::ZERO,
            until: Duration::ZERO,
            opens_in_a_row: 0,
            probes: Vec::with_capacity(config.half_open_max_calls as usize),
            probe_serial: 0,
            probes_ok: 0,
            probes_failed: 0,
            rng: Rng::new(seed),
            transitions: Vec::with_capacity(4),
            config,
        })
    }

    /// Asks for the right to make a call.
    ///
    /// # Errors
    /// [`Refusal`] in OPEN, FORCED_OPEN, and in HALF_OPEN while `half_open_max_calls` probes are
    /// out.
    pub fn try_acquire(&mut self, now: Duration) -> Result<Ticket, Refusal> {
        self.settle(now);
        if self.state == State::Open && now >= self.until {
            self.enter(State::HalfOpen, now, Cause::TimeoutElapsed);
        }
        match self.state {
            State::Closed | State::Disabled | State::MetricsOnly => Ok(self.ticket(0)),
            State::HalfOpen if self.probes.len() < self.config.half_open_max_calls as usize => {
                self.probe_serial += 1;
                self.probes.push((self.probe_serial, now));
                Ok(self.ticket(self.probe_serial))
            }
            State::HalfOpen => Err(Refusal { state: self.state, retry_after: None }),
            State::Open | State::ForcedOpen => {
                Err(Refusal { state: self.state, retry_after: self.retry_after(now) })
            }
        }
    }

    /// Hands a ticket back with the call's outcome; `slow` if it took `slow_threshold` or longer.
    ///
    /// Returns false, and does nothing, if the ticket is of an earlier generation or its probe
    /// had lapsed.
    pub fn record(&mut self, now: Duration, ticket: Ticket, outcome: Outcome, slow: bool) -> bool {
        if ticket.generation != self.generation {
            return false;
        }
        match self.state {
            State::Closed | State::MetricsOnly => self.count(now, outcome, slow),
            State::HalfOpen => return self.judge_probe(now, ticket, outcome),
            State::Open | State::ForcedOpen | State::Disabled => {}
        }
        true
    }

    /// Adds fast successes of the current generation in bulk, as of the last time seen.
    pub fn record_successes(&mut self, n: u64) {
        if matches!(self.state, State::Closed | State::MetricsOnly) {
            self.window.successes(n);
        }
    }

    /// Puts the breaker into a state by decision of an operator.
    ///
    /// `Closed` is the reset: automatic again, counts forgotten. `Open` lasts `timeout` or
    /// `lasting` (at most 24 h) and goes on automatically. `ForcedOpen`, `Disabled` and
    /// `MetricsOnly` last until the next call of this, or for `lasting`. `HalfOpen` starts probing.
    pub fn control(&mut self, now: Duration, state: State, lasting: Option<Duration>) {
        self.enter_for(state, now, lasting, Cause::Operator);
    }

    pub(crate) fn enter_for(
        &mut self,
        state: State,
        now: Duration,
        lasting: Option<Duration>,
        cause: Cause,
    ) {
        if state == State::Open {
            let lasting = lasting.unwrap_or(self.config.timeout).min(MAX_TIMEOUT);
            self.until = now.saturating_add(lasting);
        } else {
            self.until = lasting.map_or(Duration::MAX, |lasting| now.saturating_add(lasting));
        }
        self.enter(state, now, cause);
    }

    /// Moves the end of OPEN to `now + lasting`; nothing in any other state.
    pub(crate) fn retime(&mut self, now: Duration, lasting: Duration) {
        if self.state == State::Open {
            self.until = now.saturating_add(lasting.min(MAX_TIMEOUT));
        }
    }

    /// Lets time pass: operator states expire, lapsed probes count as failed.
    pub fn settle(&mut self, now: Duration) {
        match self.state {
            State::ForcedOpen | State::Disabled | State::MetricsOnly if now >= self.until => {
                self.enter(State::Closed, now, Cause::ControlExpired);
            }
            State::HalfOpen => {
                let limit = self.config.recovery_timeout;
                if self.probes.iter().any(|(_, since)| now.saturating_sub(*since) >= limit) {
                    self.open(now, None, Cause::ProbeLapsed);
                }
            }
            _ => {}
        }
        self.window.advance(now);
    }

    /// The current state. OPEN stays OPEN after its time until the next acquire.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Grows by one with every transition; starts at 1.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// When the current state began.
    #[must_use]
    pub const fn changed_at(&self) -> Duration {
        self.changed_at
    }

    /// What the window holds. In OPEN it is what made it open.
    #[must_use]
    pub fn window(&self) -> WindowCounts {
        self.window.counts()
    }

    /// Probes out, and probes that succeeded, in this HALF_OPEN round.
    #[must_use]
    pub fn probes(&self) -> (u32, u32) {
        (u32::try_from(self.probes.len()).unwrap_or(u32::MAX), self.probes_ok)
    }

    /// Time until OPEN or an operator's state ends; `None` otherwise or if it has no end.
    #[must_use]
    pub fn retry_after(&self, now: Duration) -> Option<Duration> {
        let ends = self.state != State::Closed && self.state != State::HalfOpen;
        (ends && self.until != Duration::MAX).then(|| self.until.saturating_sub(now))
    }

    /// The transitions since the last call of this, oldest first; at most the last 16.
    pub fn transitions(&mut self) -> std::vec::Drain<'_, Transition> {
        self.transitions.drain(..)
    }

    /// Lets time pass in the window only.
    pub(crate) fn advance_window(&mut self, now: Duration) {
        self.window.advance(now);
    }

    pub(crate) fn until(&self) -> Duration {
        self.until
    }

    pub(crate) fn bulk_until(&self) -> Duration {
        self.window.bulk_until()
    }

    fn ticket(&self, probe: u64) -> Ticket {
        Ticket { generation: self.generation, probe }
    }

    fn count(&mut self, now: Duration, outcome: Outcome, slow: bool) {
        self.window.advance(now);
        let failed = match outcome {
            Outcome::Ignore => return,
            Outcome::Success if !slow => return self.window.successes(1),
            Outcome::Success => false,
            Outcome::Failure { .. } => true,
        };
        self.window.bad(failed, slow);
        if self.state == State::MetricsOnly {
            return;
        }
        if let Outcome::Failure { open_for: Some(hint) } = outcome {
            self.open(now, Some(hint), Cause::OpenHint);
        } else if let Some(cause) = self.window.verdict() {
            self.open(now, None, cause);
        }
    }

    fn judge_probe(&mut self, now: Duration, ticket: Ticket, outcome: Outcome) -> bool {
        let Some(at) = self.probes.iter().position(|(serial, _)| *serial == ticket.probe) else {
            return false;
        };
        self.probes.swap_remove(at);
        match outcome {
            Outcome::Ignore => {}
            Outcome::Success => {
                self.probes_ok += 1;
                if self.probes_ok >= self.config.success_threshold {
                    self.enter(State::Closed, now, Cause::ProbesSucceeded);
                }
            }
            Outcome::Failure { open_for } => {
                self.probes_failed += 1;
                if open_for.is_some() || self.probes_failed > self.config.half_open_failures {
                    self.open(now, open_for, Cause::ProbeFailed);
                }
            }
        }
        true
    }

    fn open(&mut self, now: Duration, hint: Option<Duration>, cause: Cause) {
        let config = &self.config;
        let lasting = hint.map_or_else(
            || {
                let exponent = i32::try_from(self.opens_in_a_row).unwrap_or(i32::MAX);
                let grown = scale(config.timeout, config.open_factor.powi(exponent));
                let capped = grown.min(config.max_timeout);
                scale(capped, 1.0 - config.open_jitter * self.rng.unit()).min(capped)
            },
            |hint| hint.min(MAX_TIMEOUT),
        );
        self.opens_in_a_row = self.opens_in_a_row.saturating_add(1);
        self.until = now.saturating_add(lasting);
        self.enter(State::Open, now, cause);
    }

    fn enter(&mut self, to: State, now: Duration, cause: Cause) {
        let from = std::mem::replace(&mut self.state, to);
        self.generation += 1;
        self.changed_at = now;
        self.probes.clear();
        (self.probes_ok, self.probes_failed) = (0, 0);
        if matches!(to, State::Closed | State::MetricsOnly) {
            self.window.reset(now);
            self.opens_in_a_row = 0;
        }
        let generation = self.generation;
        if self.transitions.len() >= KEPT_TRANSITIONS {
            self.transitions.remove(0);
        }
        self.transitions.push(Transition { from, to, at: now, generation, cause });
    }
}

const KEPT_TRANSITIONS: usize = 16;
