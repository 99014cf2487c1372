//! What the handles of a shared breaker and its driver have in common.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::circuit::CircuitBreaker;
use super::driver::{Job, Wake};
use super::ids::InstanceId;
use super::outcome::{Cause, State};
use super::shared::Coordination;
use super::store::{BreakerStore, FleetPolicy, FleetState, FleetView, Version};
use crate::clock::nanos;
use crate::sleep::{BoxFuture, Sleeper};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// The local breaker, the store, and what is known of the fleet.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) local: CircuitBreaker,
    pub(crate) store: Arc<dyn BreakerStore>,
    pub(crate) sleeper: Arc<dyn Sleeper>,
    pub(crate) policy: FleetPolicy,
    pub(crate) instance: InstanceId,
    pub(crate) poll: Duration,
    pub(crate) budget: Duration,
    pub(crate) wake: Arc<Wake>,
    pub(crate) coordination: AtomicU64,
    /// 1 while the fleet is not CLOSED or held: then probes need the store.
    pub(crate) governed: AtomicU64,
    pub(crate) seen: Mutex<FleetView>,
    pub(crate) adopting: Mutex<()>,
    pub(crate) outbox: Mutex<Vec<Job>>,
}

impl Link {
    /// Takes over the answer to a question asked when the fleet was at `asked_at`. If it is older
    /// than that, it is no answer that comes late: the store itself has gone back, as one does
    /// that fails over and loses its last writes.
    pub(crate) fn adopt_answer(&self, asked_at: Version, view: FleetView, again: bool) {
        let lost =
            view.version.epoch == asked_at.epoch && view.version.generation < asked_at.generation;
        if lost {
            // Forgets what is seen, unless it is newer than the question.
            let mut seen = lock(&self.seen);
            if seen.version == asked_at {
                seen.version = Version::NONE;
            }
        }
        self.adopt(view, again);
    }

    /// Takes over what the fleet decided, unless it is old news. `again` takes it over even if
    /// the version is known, because the local breaker went its own way meanwhile.
    pub(crate) fn adopt(&self, view: FleetView, again: bool) {
        // Adoptions one after the other, and `seen` free for listeners meanwhile.
        let _turn = lock(&self.adopting);
        let seen = lock(&self.seen).clone();
        let same_epoch = view.version.epoch == seen.version.epoch;
        let rewritten = view.version == seen.version && contradicts(&seen, &view);
        let newer = !same_epoch || view.version.generation > seen.version.generation || rewritten;
        let same = view.version == seen.version && !rewritten;
        let governed = view.state != FleetState::Closed || view.control.is_some();
        if !newer && !same {
            return;
        }
        self.governed.store(governed.into(), Ordering::Release);
        if same && !again {
            // Nothing but time has passed; an expired hold has ended locally by itself.
            *lock(&self.seen) = view;
            return;
        }
        let was_governed = seen.state != FleetState::Closed || seen.control.is_some();
        let local = &self.local;
        match (&view.control, view.state) {
            (Some(held), _) => local.enter(held.hold.into(), held.remaining, Cause::Fleet),
            (None, FleetState::Open | FleetState::HalfOpen) if local.state() == State::Open => {
                let now = local.shell().clock.coarse();
                local.shell().with(|locked| locked.machine.retime(now, view.open_for));
            }
            // Half-open is OPEN whose time has passed: the next call asks for a permit.
            (None, FleetState::Open | FleetState::HalfOpen) => {
                local.enter(State::Open, Some(view.open_for), Cause::Fleet);
            }
            (None, FleetState::Closed)
                if was_governed && same_epoch && local.state() != State::Closed =>
            {
                local.enter(State::Closed, None, Cause::Fleet);
            }
            (None, FleetState::Closed) => {}
        }
        *lock(&self.seen) = view;
    }

    pub(crate) fn seen_version(&self) -> Version {
        lock(&self.seen).version
    }

    /// For how long the local breaker is open by its own decision, while the fleet is closed.
    pub(crate) fn own_open(&self) -> Option<Duration> {
        if self.governed.load(Ordering::Acquire) == 1 || self.local.state() != State::Open {
            return None;
        }
        self.local.retry_after().filter(|left| nanos(*left) > 0)
    }

    pub(crate) fn post(&self, job: Job) {
        let mut outbox = lock(&self.outbox);
        // Bounded: a permit that is not given back lapses by itself.
        if outbox.len() < OUTBOX {
            outbox.push(job);
        }
        drop(outbox);
        self.wake.notify();
    }

    /// The store's answer, or `None` after the time budget.
    pub(crate) async fn within_budget<T>(&self, answer: BoxFuture<'_, T>) -> Option<T> {
        let mut answer = answer;
        let mut timeout = None;
        poll_fn(|cx| {
            if let Poll::Ready(value) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            let timeout = timeout.get_or_insert_with(|| self.sleeper.sleep(self.budget));
            timeout.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    pub(crate) fn degrade(&self) {
        let _ = self.coordination.compare_exchange(
            COORDINATED,
            DEGRADED,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        self.wake.notify();
    }

    pub(crate) fn is_degraded(&self) -> bool {
        self.coordination.load(Ordering::Acquire) == DEGRADED
    }

    /// Notes the driver's state.
    pub(crate) fn set_coordination(&self, coordination: Coordination) {
        let code = match coordination {
            Coordination::Local => LOCAL,
            Coordination::Coordinated => COORDINATED,
            Coordination::Degraded => DEGRADED,
        };
        self.coordination.store(code, Ordering::Release);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Lets the driver notice that nobody is left.
        self.wake.notify();
    }
}

/// Whether two views of one version cannot both be true, however much time lies between them: the
/// store has lost that version's transition and used its number again.
fn contradicts(seen: &FleetView, view: &FleetView) -> bool {
    let is_closed = |view: &FleetView| view.state == FleetState::Closed;
    let hold = |view: &FleetView| view.control.as_ref().map(|control| control.hold);
    is_closed(seen) != is_closed(view) || (hold(view).is_some() && hold(view) != hold(seen))
}

pub(crate) const LOCAL: u64 = 0;
pub(crate) const COORDINATED: u64 = 1;
const DEGRADED: u64 = 2;
const OUTBOX: usize = 256;
