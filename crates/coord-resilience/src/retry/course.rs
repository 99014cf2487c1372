//! The decisions of one retried run, common to async and blocking: no waiting, no I/O.

use std::time::Duration;

use super::Limits;
use super::error::{Reason, RetryError};
use super::policy::Class;
use crate::backoff::{Delays, random_seed};
use crate::breaker::Refusal;

/// One run under way.
#[derive(Debug)]
pub(crate) struct Course<'a, E> {
    limits: &'a Limits,
    started: Option<Duration>,
    /// Made for the first retry, so that runs that need none stay small.
    delays: Option<Box<Delays>>,
    pub(crate) attempts: u32,
    timeouts: u32,
    circuit_waits: u32,
    /// Cost of the retry under way, given back if it succeeds.
    spent: u64,
    pub(crate) last: Option<E>,
}

/// How an attempt's time was limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Attempt(Duration),
    Deadline(Duration),
}

impl Limit {
    pub(crate) fn after(self) -> Duration {
        match self {
            Self::Attempt(after) | Self::Deadline(after) => after,
        }
    }
}

impl<'a, E> Course<'a, E> {
    #[inline]
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            started: None,
            delays: None,
            attempts: 0,
            timeouts: 0,
            circuit_waits: 0,
            spent: 0,
            last: None,
        }
    }

    /// A run whose first attempt has been made; `started` if it waited.
    #[cold]
    pub(crate) fn after_first(limits: &'a Limits, started: Option<Duration>) -> Self {
        Self { started, attempts: 1, ..Self::new(limits) }
    }

    /// Notes the start, unless noted already. The coarse clock is never ahead, so the run can
    /// only look longer than it was.
    #[inline]
    pub(crate) fn start(&mut self) {
        if self.started.is_none() {
            self.started = Some(self.limits.clock.coarse());
        }
    }

    /// Notes the start if something depends on it from the first attempt on.
    #[inline]
    pub(crate) fn start_if_limited(&mut self) {
        if self.limits.policy.deadline.is_some() {
            self.start();
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.map_or(Duration::ZERO, |at| self.limits.clock.now().saturating_sub(at))
    }

    /// The limit of the attempt about to wait, whichever comes first.
    pub(crate) fn limit(&self) -> Option<Limit> {
        let left = self.limits.policy.deadline.map(|d| d.saturating_sub(self.elapsed()));
        match (self.limits.policy.attempt_timeout, left) {
            (Some(attempt), Some(left)) if attempt < left => Some(Limit::Attempt(attempt)),
            (_, Some(left)) => Some(Limit::Deadline(left)),
            (Some(attempt), None) => Some(Limit::Attempt(attempt)),
            (None, None) => None,
        }
    }

    /// The run succeeded.
    #[inline]
    pub(crate) fn succeeded(&self) {
        if let Some(budget) = &self.limits.budget {
            budget.deposit(self.spent.max(1));
        }
    }

    pub(crate) fn timed_out(&mut self) {
        self.timeouts += 1;
    }

    /// After a failed attempt: the wait before the next, or why there is none.
    #[cold]
    pub(crate) fn next(&mut self, class: Class) -> Result<Duration, Reason> {
        self.start();
        let floor = match class {
            Class::Permanent => return Err(Reason::Permanent),
            Class::Transient => Duration::ZERO,
            Class::Throttled { retry_after } => retry_after.unwrap_or_default(),
        };
        if self.attempts > self.limits.policy.max_retries {
            return Err(Reason::Attempts);
        }
        if floor > self.limits.policy.max_retry_after {
            return Err(Reason::RetryAfter);
        }
        let delay = self.delay().max(floor);
        self.fits(delay)?;
        self.spent = match &self.limits.budget {
            Some(budget) => budget.withdraw(class).ok_or(Reason::Budget)?,
            None => 0,
        };
        Ok(delay)
    }

    /// After a rejection by the breaker: the wait until it may admit, or why there is none.
    ///
    /// A rejection is no attempt and costs no budget. It is waited out only under a deadline, and
    /// at most as often as there may be attempts.
    #[cold]
    pub(crate) fn next_after_rejection(&mut self, refusal: Refusal) -> Result<Duration, Reason> {
        self.start();
        self.circuit_waits += 1;
        if self.limits.policy.deadline.is_none()
            || self.circuit_waits > self.limits.policy.max_retries + 1
        {
            return Err(Reason::Circuit);
        }
        let delay = refusal.retry_after.unwrap_or_else(|| self.delay());
        self.fits(delay).map_err(|_| Reason::Circuit)?;
        Ok(delay)
    }

    /// The error that ends the run.
    #[cold]
    pub(crate) fn fail(&mut self, reason: Reason, retry_after: Option<Duration>) -> RetryError<E> {
        RetryError {
            reason,
            attempts: self.attempts,
            timeouts: self.timeouts,
            elapsed: self.elapsed(),
            retry_after,
            last: self.last.take(),
        }
    }

    fn delay(&mut self) -> Duration {
        let (backoff, seed) = (&self.limits.policy.backoff, self.limits.seed);
        let delays = self
            .delays
            .get_or_insert_with(|| Box::new(backoff.delays(seed.unwrap_or_else(random_seed))));
        delays.next().unwrap_or_default()
    }

    /// Whether a wait ends before the deadline.
    fn fits(&self, delay: Duration) -> Result<(), Reason> {
        match self.limits.policy.deadline {
            Some(deadline) if self.elapsed().saturating_add(delay) >= deadline => {
                Err(Reason::Deadline)
            }
            _ => Ok(()),
        }
    }
}
