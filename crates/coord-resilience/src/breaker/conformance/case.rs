//! What the cases have in common.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use crate::breaker::{
    Acquired, BreakerName, BreakerStore, ControlOrder, FleetPolicy, FleetState, FleetView,
    InstanceId, LeaseId, ProbeOutcome, Version, Vote,
};

/// One case on a fresh name.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) store: Arc<dyn BreakerStore>,
    pub(super) name: BreakerName,
}

pub(super) fn case(harness: &dyn Harness, title: &str) -> Case {
    let name = BreakerName::parse(&format!("conformance:{title}:{}", LeaseId::random()));
    Case { store: harness.store(), name: name.expect("a valid name") }
}

impl Case {
    pub(super) async fn observe(&self) -> FleetView {
        self.store.observe(&self.name).await.expect("observe")
    }

    pub(super) async fn vote(&self, voter: u64, seen: Version, policy: &FleetPolicy) -> FleetView {
        let vote = Vote { voter: InstanceId(voter), seen, open_for: policy.open_for };
        self.store.vote(&self.name, &vote, policy).await.expect("vote")
    }

    pub(super) async fn acquire(&self, lease: u64, policy: &FleetPolicy) -> Option<Version> {
        match self.store.acquire(&self.name, LeaseId(lease), policy).await.expect("acquire") {
            Acquired::Granted(view) => Some(view.version),
            Acquired::Refused(_) => None,
        }
    }

    pub(super) async fn report(
        &self,
        version: Version,
        lease: u64,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> (bool, FleetState) {
        let report = self.store.report(&self.name, version, LeaseId(lease), outcome, policy);
        let settled = report.await.expect("report");
        (settled.applied, settled.view.state)
    }

    pub(super) async fn control(&self, order: ControlOrder) -> FleetView {
        self.store.control(&self.name, &order).await.expect("control")
    }

    /// Opens the fleet and lets the open time pass.
    pub(super) async fn half_open(&self, harness: &dyn Harness, policy: &FleetPolicy) {
        let seen = self.observe().await.version;
        let view = self.vote(1, seen, policy).await;
        assert_eq!(view.state, FleetState::Open, "{}: one vote of one opens", self.name);
        harness.advance(policy.open_for + STEP).await;
        assert_eq!(self.observe().await.state, FleetState::HalfOpen, "{}: due", self.name);
    }
}

pub(super) fn policy() -> FleetPolicy {
    FleetPolicy {
        quorum: 1,
        vote_ttl: Duration::from_secs(60),
        open_for: SHORT,
        half_open_max_calls: 1,
        success_threshold: 1,
        probe_lease: Duration::from_secs(60),
    }
}

/// Long enough for a slow machine to act within it, short enough to wait for.
pub(super) const SHORT: Duration = Duration::from_millis(100);
pub(super) const STEP: Duration = Duration::from_millis(5);
