//! The fleet-wide breaker: a local breaker that follows, and feeds, a [`BreakerStore`].

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::circuit::{CallError, CircuitBreaker, Rejected};
use super::driver::{Driver, Job, Wake};
use super::fleet_permit::Probe;
use super::ids::{InstanceId, LeaseId};
use super::outcome::{Cause, Outcome, State};
use super::permit::Permit;
use super::state::Refusal;
use super::store::{Acquired, BreakerStore, FleetPolicy, FleetState, FleetView, Version};
use crate::clock::nanos;
use crate::error::ConfigError;
use crate::sleep::{BoxFuture, Sleeper};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

pub use super::fleet_permit::SharedPermit;

/// A breaker shared by a fleet. Clones are handles to the same breaker.
///
/// It is a local [`CircuitBreaker`] with full function of its own. While the store answers, a
/// local OPEN is a vote, and the fleet's decisions are adopted; while it does not, the local
/// breaker goes on alone. No call touches the store in CLOSED or OPEN, and no call fails because
/// the store failed; only probes ask it for a leased permit, within `store_budget`.
///
/// The [`Driver`] returned beside it does the talking: run it on your runtime. Without it the
/// breaker is local.
#[derive(Clone, Debug)]
pub struct SharedBreaker {
    pub(crate) inner: Arc<Inner>,
}

/// The numbers of a shared breaker.
///
/// # Defaults
/// quorum 1, `vote_ttl` 60 s, `probe_lease` 30 s, poll 1 s, `store_budget` 250 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedConfig {
    quorum: u32,
    vote_ttl: Duration,
    probe_lease: Duration,
    poll: Duration,
    store_budget: Duration,
}

impl SharedConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            quorum: 1,
            vote_ttl: Duration::from_secs(60),
            probe_lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            store_budget: Duration::from_millis(250),
        }
    }

    /// Votes that open the fleet, 1 to 1 000. Default 1.
    #[must_use]
    pub const fn with_quorum(mut self, votes: u32) -> Self {
        self.quorum = votes;
        self
    }

    /// How long a vote lives; at least twice `poll`, at most 24 h. Default 60 s.
    #[must_use]
    pub const fn with_vote_ttl(mut self, ttl: Duration) -> Self {
        self.vote_ttl = ttl;
        self
    }

    /// How long a probe permit lives, 1 ms to 24 h. Default 30 s.
    #[must_use]
    pub const fn with_probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = lease;
        self
    }

    /// How often the store is asked even without news, 1 ms to 1 h. Default 1 s.
    #[must_use]
    pub const fn with_poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// How long one answer of the store may take, 1 ms to 60 s. Default 250 ms.
    #[must_use]
    pub const fn with_store_budget(mut self, budget: Duration) -> Self {
        self.store_budget = budget;
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let (ms, day) = (Duration::from_millis(1), Duration::from_secs(24 * 3600));
        ConfigError::range("quorum", self.quorum, 1, 1_000)?;
        ConfigError::range("poll", self.poll, ms, Duration::from_secs(3600))?;
        ConfigError::range("vote_ttl", self.vote_ttl, self.poll * 2, day)?;
        ConfigError::range("probe_lease", self.probe_lease, ms, day)?;
        ConfigError::range("store_budget", self.store_budget, ms, Duration::from_secs(60))
    }
}

impl Default for SharedConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// How a shared breaker stands to its fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordination {
    /// No driver runs: local only.
    Local,
    /// The store answers.
    Coordinated,
    /// The store does not answer: local until it does.
    Degraded,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) local: CircuitBreaker,
    pub(crate) store: Arc<dyn BreakerStore>,
    pub(crate) sleeper: Arc<dyn Sleeper>,
    pub(crate) policy: FleetPolicy,
    pub(crate) instance: InstanceId,
    pub(crate) poll: Duration,
    pub(crate) budget: Duration,
    pub(crate) wake: Arc<Wake>,
    coordination: AtomicU64,
    /// 1 while the fleet is not CLOSED or held: then probes need the store.
    governed: AtomicU64,
    seen: Mutex<FleetView>,
    adopting: Mutex<()>,
    pub(crate) outbox: Mutex<Vec<Job>>,
}

impl SharedBreaker {
    /// Joins a local breaker to the fleet's breaker of the same name. Run the driver.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration is invalid, or if the local breaker is joined already.
    pub fn join(
        local: CircuitBreaker,
        store: Arc<dyn BreakerStore>,
        sleeper: Arc<dyn Sleeper>,
        config: SharedConfig,
    ) -> Result<(Self, Driver), ConfigError> {
        config.validate()?;
        let own = local.config();
        let policy = FleetPolicy {
            quorum: config.quorum,
            vote_ttl: config.vote_ttl,
            open_for: own.timeout,
            half_open_max_calls: own.half_open_max_calls,
            success_threshold: own.success_threshold,
            probe_lease: config.probe_lease,
        };
        let wake = Arc::new(Wake::default());
        let hook = Arc::clone(&wake);
        if local.shell().hook.0.set(Box::new(move || hook.notify())).is_err() {
            return Err(ConfigError::new("local", local.name(), "a breaker not joined yet"));
        }
        let inner = Arc::new(Inner {
            local,
            store,
            sleeper,
            policy,
            instance: InstanceId::random(),
            poll: config.poll,
            budget: config.store_budget,
            wake,
            coordination: AtomicU64::new(LOCAL),
            governed: AtomicU64::new(0),
            seen: Mutex::new(FleetView::default()),
            adopting: Mutex::new(()),
            outbox: Mutex::default(),
        });
        let driver = Driver::new(&inner);
        Ok((Self { inner }, driver))
    }

    /// Runs `op` if the breaker lets it, and records its result, as [`CircuitBreaker::call`].
    ///
    /// Cancel safety: as there; a fleet probe dropped gives its lease back through the driver, or
    /// lets it lapse.
    ///
    /// # Errors
    /// [`CallError::Rejected`] without having called `op`, or [`CallError::Inner`] with its error.
    pub async fn call<T, E, Fut>(&self, op: impl FnOnce() -> Fut) -> Result<T, CallError<E>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        self.call_with(Outcome::of, op).await
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
        let mut permit = self.admit().await?;
        let mut future = pin!(op());
        let result = poll_fn(|cx| {
            let poll = future.as_mut().poll(cx);
            if poll.is_pending() {
                permit.start();
            }
            poll
        })
        .await;
        permit.record(classify(&result));
        result.map_err(CallError::Inner)
    }

    /// The right to make one call. In CLOSED and OPEN it is ready at once; a probe asks the store.
    ///
    /// # Errors
    /// [`Rejected`] if the breaker does not let the call pass.
    pub async fn acquire(&self) -> Result<SharedPermit, Rejected> {
        let mut permit = self.admit().await?;
        permit.start();
        Ok(permit)
    }

    async fn admit(&self) -> Result<SharedPermit, Rejected> {
        let inner = &self.inner;
        let local = &inner.local;
        let asks = inner.governed.load(Ordering::Acquire) == 1
            && inner.coordination.load(Ordering::Acquire) == COORDINATED
            && matches!(local.state(), State::Open | State::HalfOpen);
        if !asks {
            return self.admit_locally();
        }
        if let Some(refusal) = local.shell().reject_only() {
            return Err(local.rejected(refusal));
        }
        // From here on a drop gives the lease back, whether or not the store got to grant it.
        let mut probe = Probe::asking(Arc::clone(inner), LeaseId::random());
        let answer = inner.store.acquire(local.name(), probe.lease(), &inner.policy);
        match inner.within_budget(answer).await {
            Some(Ok(Acquired::Granted(view))) => {
                probe.granted(view.version);
                inner.adopt(view, false);
                Ok(SharedPermit::probe(probe))
            }
            Some(Ok(Acquired::Refused(view))) => {
                probe.refused();
                let retry_after = (view.state == FleetState::Open).then_some(view.open_for);
                let closed = view.state == FleetState::Closed;
                inner.adopt(view, false);
                if closed {
                    return self.admit_locally();
                }
                local.shell().count_rejected(State::HalfOpen);
                Err(local.rejected(Refusal { state: State::HalfOpen, retry_after }))
            }
            Some(Err(_)) | None => {
                drop(probe);
                inner.degrade();
                self.admit_locally()
            }
        }
    }

    fn admit_locally(&self) -> Result<SharedPermit, Rejected> {
        let local = &self.inner.local;
        let ticket = local.shell().try_acquire().map_err(|refusal| local.rejected(refusal))?;
        Ok(SharedPermit::local(Permit::new(local.clone(), ticket)))
    }

    /// The local breaker, for state, metrics and events. Controlling it affects this process only.
    #[must_use]
    pub fn local(&self) -> &CircuitBreaker {
        &self.inner.local
    }

    /// How it stands to its fleet.
    #[must_use]
    pub fn coordination(&self) -> Coordination {
        match self.inner.coordination.load(Ordering::Acquire) {
            LOCAL => Coordination::Local,
            COORDINATED => Coordination::Coordinated,
            _ => Coordination::Degraded,
        }
    }

    /// The fleet as last seen.
    #[must_use]
    pub fn fleet(&self) -> FleetView {
        lock(&self.inner.seen).clone()
    }

    /// The numbers it gives to the store.
    #[must_use]
    pub fn policy(&self) -> FleetPolicy {
        self.inner.policy
    }
}

impl Inner {
    /// Takes over what the fleet decided, unless it is old news. `again` takes it over even if
    /// the version is known, because the local breaker went its own way meanwhile.
    pub(crate) fn adopt(&self, view: FleetView, again: bool) {
        // Adoptions one after the other, and `seen` free for listeners meanwhile.
        let _turn = lock(&self.adopting);
        let seen = lock(&self.seen).clone();
        let same_epoch = view.version.epoch == seen.version.epoch;
        let newer = !same_epoch || view.version.generation > seen.version.generation;
        let same = view.version == seen.version;
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
            if let std::task::Poll::Ready(value) = answer.as_mut().poll(cx) {
                return std::task::Poll::Ready(Some(value));
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

impl Drop for Inner {
    fn drop(&mut self) {
        // Lets the driver notice that nobody is left.
        self.wake.notify();
    }
}

const LOCAL: u64 = 0;
const COORDINATED: u64 = 1;
const DEGRADED: u64 = 2;
const OUTBOX: usize = 256;
