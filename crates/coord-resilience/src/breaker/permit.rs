//! The right to make one call, safe to drop at any point.

use std::borrow::Borrow;
use std::mem;

use super::circuit::CircuitBreaker;
use super::outcome::Outcome;
use super::shell::Shell;
use super::ticket::Ticket;

/// The right to make one call; hand it back with the call's outcome.
///
/// Dropped without one, it counts as the configuration's [`Abandoned`](super::Abandoned) says if
/// `slow_threshold` has passed, as a failure if the thread is panicking, and as nothing otherwise.
/// In each case a half-open probe's place is free again.
#[derive(Debug)]
#[must_use = "dropping the permit at once makes the call count as abandoned"]
pub struct Permit<B: Borrow<CircuitBreaker> = CircuitBreaker> {
    breaker: B,
    /// Taken when handed back; what is left at drop was abandoned.
    ticket: Option<Ticket>,
    started: Option<u64>,
    was_panicking: bool,
}

impl<B: Borrow<CircuitBreaker>> Permit<B> {
    #[inline]
    pub(crate) fn new(breaker: B, ticket: Ticket) -> Self {
        let was_panicking = std::thread::panicking();
        Self { breaker, ticket: Some(ticket), started: None, was_panicking }
    }

    /// Notes the call's start, unless noted already.
    #[inline]
    pub(crate) fn start(&mut self) {
        if self.started.is_none() {
            self.started = Some(self.breaker.borrow().shell().clock.coarse_ns());
        }
    }

    /// The call succeeded.
    #[inline]
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::FAILURE);
    }

    /// The call came to `outcome`.
    #[inline]
    pub fn record(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.borrow().shell().finish(ticket, outcome, self.started);
        }
    }

    /// Gives the permit back as if the call had not been made.
    pub fn release(self) {
        self.record(Outcome::Ignore);
    }

    /// Whether this is a probe of a half-open breaker.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.is_some_and(|ticket| ticket.probe != 0)
    }
}

impl<B: Borrow<CircuitBreaker>> Drop for Permit<B> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let panicked = std::thread::panicking() && !self.was_panicking;
            self.breaker.borrow().shell().abandon(ticket, self.started, panicked);
        }
    }
}

/// The permit of a call that the breaker itself runs: as [`Permit`], but borrowed and lean.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    shell: &'a Shell,
    ticket: Ticket,
    started: Option<u64>,
    was_panicking: bool,
}

impl<'a> Guard<'a> {
    #[inline(always)]
    pub(crate) fn new(shell: &'a Shell, ticket: Ticket) -> Self {
        Self { shell, ticket, started: None, was_panicking: std::thread::panicking() }
    }

    /// Notes the call's start, unless noted already.
    #[inline(always)]
    pub(crate) fn start(&mut self) {
        if self.started.is_none() {
            self.started = Some(self.shell.clock.coarse_ns());
        }
    }

    /// The call came to `outcome`.
    #[inline(always)]
    pub(crate) fn record(self, outcome: Outcome) {
        // A guard owns nothing, so forgetting it leaks nothing; its drop would count as abandoned.
        let (shell, ticket, started) = (self.shell, self.ticket, self.started);
        mem::forget(self);
        shell.finish(ticket, outcome, started);
    }
}

impl Drop for Guard<'_> {
    #[cold]
    fn drop(&mut self) {
        let panicked = std::thread::panicking() && !self.was_panicking;
        self.shell.abandon(self.ticket, self.started, panicked);
    }
}
