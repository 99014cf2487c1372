//! The machine with its clock, lock, counters and lock-free paths.

use std::sync::OnceLock;
use std::time::Duration;

use super::config::{Abandoned, CircuitBreakerConfig};
use super::events::{Event, EventKind, Listeners};
use super::metrics::Metrics;
use super::name::BreakerName;
use super::outcome::{Outcome, State, Transition};
use super::state::Machine;
use super::stripes::Stripes;
use super::ticket::{Refusal, Ticket};
use crate::clock::{ClockSource, nanos};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// What all handles of one breaker share.
///
/// The gate mirrors the machine's state and generation. While it says CLOSED, a call is admitted
/// by one load and a fast success recorded by two loads and one addition on the thread's own
/// stripe; everything else goes through the lock, which first takes the successes of all stripes
/// into the window. So a failure is judged against every success recorded before it.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) name: BreakerName,
    pub(crate) config: CircuitBreakerConfig,
    pub(crate) clock: ClockSource,
    pub(crate) listeners: Listeners,
    /// Told after every transition, outside the lock; for the shared breaker.
    pub(crate) hook: Hook,
    gate: AtomicU64,
    slow_ns: u64,
    /// End of OPEN in nanoseconds, valid while the gate says OPEN.
    until: AtomicU64,
    /// Until when fast successes need not move the window.
    bulk_until: AtomicU64,
    stripes: Stripes,
    locked: Mutex<Locked>,
}

#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) machine: Machine,
    /// Fast successes already taken into the window.
    absorbed: u64,
    metrics: Metrics,
}

impl Shell {
    pub(crate) fn new(
        name: BreakerName,
        config: CircuitBreakerConfig,
        clock: ClockSource,
        mut machine: Machine,
    ) -> Self {
        machine.settle(clock.coarse());
        Self {
            slow_ns: nanos(config.slow_threshold),
            name,
            config,
            clock,
            listeners: Listeners::default(),
            hook: Hook::default(),
            gate: AtomicU64::new(gate(&machine)),
            until: AtomicU64::new(0),
            bulk_until: AtomicU64::new(nanos(machine.bulk_until())),
            stripes: Stripes::default(),
            locked: Mutex::new(Locked { machine, absorbed: 0, metrics: Metrics::default() }),
        }
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        State::from_bits(self.gate.load(Ordering::Acquire))
    }

    /// Admits a call if the gate says CLOSED: one load.
    #[inline(always)]
    pub(crate) fn admit_closed(&self) -> Option<Ticket> {
        let gate = self.gate.load(Ordering::Acquire);
        (gate & 7 == State::Closed as u64).then_some(Ticket { generation: gate >> 3, probe: 0 })
    }

    /// Admits or rejects a call. One load in CLOSED; one load, a clock and an addition in OPEN.
    #[inline(always)]
    pub(crate) fn try_acquire(&self) -> Result<Ticket, Refusal> {
        let gate = self.gate.load(Ordering::Acquire);
        match State::from_bits(gate) {
            State::Closed => Ok(Ticket { generation: gate >> 3, probe: 0 }),
            State::Open if !self.listeners.active() => {
                let left =
                    self.until.load(Ordering::Acquire).saturating_sub(self.clock.coarse_ns());
                if left == 0 {
                    return self.acquire_locked();
                }
                self.stripes.mine().rejected.fetch_add(1, Ordering::Relaxed);
                Err(Refusal { state: State::Open, retry_after: Some(Duration::from_nanos(left)) })
            }
            _ => self.acquire_locked(),
        }
    }

    #[cold]
    fn acquire_locked(&self) -> Result<Ticket, Refusal> {
        let now = self.clock.coarse();
        let result = self.with(|locked| {
            let result = locked.machine.try_acquire(now);
            locked.metrics.rejected_calls += u64::from(result.is_err());
            result
        });
        if let Err(refusal) = result {
            self.emit(now, EventKind::Rejected { state: refusal.state });
        }
        result
    }

    /// Hands a ticket back. `started` is nanoseconds, or `None` for a call that never waited.
    #[inline(always)]
    pub(crate) fn finish(&self, ticket: Ticket, outcome: Outcome, started: Option<u64>) {
        let now = self.clock.coarse_ns();
        let slow = self.is_slow(started, now);
        let closed = ticket.generation << 3 | State::Closed as u64;
        if outcome == Outcome::Success
            && !slow
            && self.gate.load(Ordering::Acquire) == closed
            && now < self.bulk_until.load(Ordering::Relaxed)
        {
            let stripe = self.stripes.mine();
            stripe.ok.fetch_add(1, Ordering::Relaxed);
            stripe.ok_at.store(now + 1, Ordering::Relaxed);
            return;
        }
        self.finish_locked(Duration::from_nanos(now), ticket, outcome, slow, false);
    }

    /// Hands back the ticket of a call that was dropped without a result.
    #[cold]
    pub(crate) fn abandon(&self, ticket: Ticket, started: Option<u64>, panicked: bool) {
        let (outcome, slow) = self.judge_abandoned(started, panicked);
        self.finish_locked(self.clock.coarse(), ticket, outcome, slow, true);
    }

    #[cold]
    fn finish_locked(
        &self,
        now: Duration,
        ticket: Ticket,
        outcome: Outcome,
        slow: bool,
        abandoned: bool,
    ) {
        let late = self.with(|locked| {
            locked.note(now, outcome, slow, abandoned);
            let late = !locked.machine.record(now, ticket, outcome, slow);
            locked.metrics.late_results += u64::from(late);
            late
        });
        self.emit(now, EventKind::Recorded { outcome, slow, late });
    }

    /// Runs `f` on the machine with all earlier successes counted, then publishes its state and
    /// reports its transitions.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Locked) -> R) -> R {
        let mut locked = lock(&self.locked);
        let ok = self.stripes.ok();
        let fresh = ok - std::mem::replace(&mut locked.absorbed, ok);
        locked.machine.record_successes(fresh);
        let result = f(&mut locked);
        // The end of OPEN first: whoever sees the new gate must see it too.
        self.until.store(nanos(locked.machine.until()), Ordering::Release);
        self.bulk_until.store(nanos(locked.machine.bulk_until()), Ordering::Release);
        self.gate.store(gate(&locked.machine), Ordering::Release);
        let Locked { machine, metrics, .. } = &mut *locked;
        let changes: Vec<Transition> = machine.transitions().collect();
        metrics.state_changes += changes.len() as u64;
        drop(locked);
        for change in &changes {
            self.emit(change.at, EventKind::Transition(*change));
        }
        if let (Some(hook), false) = (self.hook.0.get(), changes.is_empty()) {
            hook();
        }
        result
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let now = self.clock.coarse();
        self.with(|locked| {
            locked.machine.advance_window(now);
            let mut m = locked.metrics;
            m.rejected_calls += self.stripes.rejected();
            m.successful_calls += locked.absorbed;
            let fast = self.stripes.ok_at().checked_sub(1).map(Duration::from_nanos);
            m.last_success_time = m.last_success_time.max(fast);
            m.total_calls =
                m.successful_calls + m.failed_calls + m.ignored_calls + m.rejected_calls;
            m.window = locked.machine.window();
            m
        })
    }

    /// Rejects while the gate says FORCED_OPEN or OPEN and its time has not passed; never changes
    /// the state.
    pub(crate) fn reject_only(&self) -> Option<Refusal> {
        let state = self.state();
        let until = self.until.load(Ordering::Acquire);
        let left = until.saturating_sub(self.clock.coarse_ns());
        if !state.rejects() || left == 0 {
            return None;
        }
        self.count_rejected(state);
        let retry_after = (until != u64::MAX).then(|| Duration::from_nanos(left));
        Some(Refusal { state, retry_after })
    }

    /// Counts a rejection that was decided elsewhere.
    pub(crate) fn count_rejected(&self, state: State) {
        self.stripes.mine().rejected.fetch_add(1, Ordering::Relaxed);
        self.emit(self.clock.coarse(), EventKind::Rejected { state });
    }

    /// What a call dropped without a result counts as, and whether it was slow.
    pub(crate) fn judge_abandoned(&self, started: Option<u64>, panicked: bool) -> (Outcome, bool) {
        let slow = self.is_slow(started, self.clock.coarse_ns());
        let outcome = match self.config.abandoned {
            _ if panicked => Outcome::FAILURE,
            Abandoned::Failure if slow => Outcome::FAILURE,
            Abandoned::Slow if slow => Outcome::Success,
            _ => Outcome::Ignore,
        };
        (outcome, slow)
    }

    /// Counts the result of a call that the machine did not admit (a fleet's probe).
    pub(crate) fn note(&self, outcome: Outcome, slow: bool, abandoned: bool) {
        let now = self.clock.coarse();
        self.with(|locked| locked.note(now, outcome, slow, abandoned));
        self.emit(now, EventKind::Recorded { outcome, slow, late: false });
    }

    #[inline]
    pub(crate) fn is_slow(&self, started: Option<u64>, now: u64) -> bool {
        started.is_some_and(|at| now.saturating_sub(at) >= self.slow_ns)
    }

    fn emit(&self, at: Duration, kind: EventKind) {
        if self.listeners.active() {
            self.listeners.emit(&Event { breaker: self.name.clone(), at, kind });
        }
    }
}

impl Locked {
    fn note(&mut self, now: Duration, outcome: Outcome, slow: bool, abandoned: bool) {
        let m = &mut self.metrics;
        m.slow_calls += u64::from(slow);
        m.abandoned_calls += u64::from(abandoned);
        match outcome {
            Outcome::Success if !abandoned => {
                m.successful_calls += 1;
                m.last_success_time = m.last_success_time.max(Some(now));
            }
            Outcome::Failure { .. } => {
                m.failed_calls += 1;
                m.last_failure_time = m.last_failure_time.max(Some(now));
            }
            // A slow call that was dropped did not fail, but nobody saw it succeed either.
            Outcome::Success | Outcome::Ignore => m.ignored_calls += 1,
        }
    }
}

/// A callback that prints as nothing.
#[derive(Default)]
pub(crate) struct Hook(pub(crate) OnceLock<Box<dyn Fn() + Send + Sync>>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

fn gate(machine: &Machine) -> u64 {
    machine.generation() << 3 | machine.state() as u64
}
