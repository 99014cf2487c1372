//! The fleet-wide breaker: a local breaker that follows, and feeds, a [`BreakerStore`].

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use super::circuit::CircuitBreaker;
use super::driver::{Driver, Wake};
use super::fleet_permit::{Probe, SharedPermit};
use super::ids::{InstanceId, LeaseId};
use super::link::{COORDINATED, LOCAL, Link};
use super::outcome::{Outcome, State};
use super::permit::Permit;
use super::rejection::{CallError, Rejected};
use super::shared_config::SharedConfig;
use super::store::{Acquired, BreakerStore, FleetPolicy, FleetState, FleetView};
use super::ticket::Refusal;
use crate::error::ConfigError;
use crate::sleep::Sleeper;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

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
    pub(crate) inner: Arc<Link>,
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
        let inner = Arc::new(Link {
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
