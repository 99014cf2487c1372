//! The breaker store in memory: for one process, for tests, and as the reference.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::fleet::FleetRecord;
use super::ids::{Epoch, LeaseId};
use super::name::BreakerName;
use super::record::StateRecord;
use super::store::{
    Acquired, BreakerStore, ControlOrder, FleetPolicy, FleetView, ProbeOutcome, Settled,
    StoreError, Version, Vote,
};
use crate::clock::Clock;
use crate::sync::{Mutex, lock};

/// A [`BreakerStore`] in memory. Clones share it.
///
/// It keeps one small record per name for ever; [`flush`](Self::flush) forgets them. For tests it
/// can play a store that is down.
#[derive(Clone, Debug)]
pub struct InMemoryBreakerStore {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    records: HashMap<BreakerName, FleetRecord>,
    wakers: Vec<Waker>,
    down: bool,
}

impl InMemoryBreakerStore {
    /// An empty store; `clock` plays the server's clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// From now on every operation fails, or none.
    pub fn set_down(&self, down: bool) {
        let mut held = lock(&self.state);
        held.down = down;
        held.wakers.drain(..).for_each(Waker::wake);
    }

    /// Forgets all records, as a flushed server does.
    pub fn flush(&self) {
        let mut held = lock(&self.state);
        held.records.clear();
        held.wakers.drain(..).for_each(Waker::wake);
    }

    /// The stored record, if there is one, down or not.
    #[must_use]
    pub fn record(&self, name: &BreakerName) -> Option<StateRecord> {
        let now = self.now_us();
        lock(&self.state).records.get(name).map(|record| record.to_state_record(now))
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.clock.now().as_micros()).unwrap_or(u64::MAX)
    }

    /// Runs one atomic step. A record is created only by steps that `create`.
    fn step<R>(
        &self,
        name: &BreakerName,
        create: bool,
        f: impl FnOnce(&mut FleetRecord, u64) -> R,
    ) -> Result<(R, FleetView), StoreError> {
        let now = self.now_us();
        let mut held = lock(&self.state);
        if held.down {
            return Err(StoreError::Unavailable("switched off".into()));
        }
        // What a step does to an absent record is thrown away.
        let mut absent = FleetRecord::default();
        let record = if create {
            let fresh = || FleetRecord::new(Epoch::random(), now);
            held.records.entry(name.clone()).or_insert_with(fresh)
        } else {
            held.records.get_mut(name).unwrap_or(&mut absent)
        };
        let before = record.version();
        let result = f(record, now);
        let view = record.view(now);
        if view.version != before {
            held.wakers.drain(..).for_each(Waker::wake);
        }
        Ok((result, view))
    }
}

#[async_trait::async_trait]
impl BreakerStore for InMemoryBreakerStore {
    async fn observe(&self, name: &BreakerName) -> Result<FleetView, StoreError> {
        self.step(name, false, |_, _| ()).map(|((), view)| view)
    }

    async fn vote(
        &self,
        name: &BreakerName,
        vote: &Vote,
        policy: &FleetPolicy,
    ) -> Result<FleetView, StoreError> {
        // Only a voter who saw no record creates one.
        let create = vote.seen == Version::NONE;
        let cast = |record: &mut FleetRecord, now| record.vote(now, vote, policy);
        self.step(name, create, cast).map(|(_, view)| view)
    }

    async fn acquire(
        &self,
        name: &BreakerName,
        lease: LeaseId,
        policy: &FleetPolicy,
    ) -> Result<Acquired, StoreError> {
        let (granted, view) = self.step(name, false, |r, now| r.acquire(now, lease, policy))?;
        Ok(if granted { Acquired::Granted(view) } else { Acquired::Refused(view) })
    }

    async fn report(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> Result<Settled, StoreError> {
        let report = |r: &mut FleetRecord, now| r.report(now, version, lease, outcome, policy);
        let (applied, view) = self.step(name, false, report)?;
        Ok(Settled { applied, view })
    }

    async fn release(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
    ) -> Result<Settled, StoreError> {
        let (applied, view) = self.step(name, false, |r, now| r.release(now, version, lease))?;
        Ok(Settled { applied, view })
    }

    async fn control(
        &self,
        name: &BreakerName,
        order: &ControlOrder,
    ) -> Result<FleetView, StoreError> {
        self.step(name, true, |record, now| record.control(now, order)).map(|((), view)| view)
    }

    async fn changed(&self, name: &BreakerName, seen: Version) -> Result<FleetView, StoreError> {
        poll_fn(|cx| {
            let now = self.now_us();
            let mut held = lock(&self.state);
            if held.down {
                return Poll::Ready(Err(StoreError::Unavailable("switched off".into())));
            }
            let view = held.records.get(name).map(|record| record.view(now)).unwrap_or_default();
            if view.version != seen {
                return Poll::Ready(Ok(view));
            }
            if !held.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                held.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}
