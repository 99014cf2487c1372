//! The conformance suite of [`BreakerStore`]s: what every adapter must do.
//!
//! Give [`run`] a [`Harness`] for your store. Each case works on a name of its own and panics,
//! naming itself, where the store deviates.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use coord_resilience::breaker::{BreakerStore, InMemoryBreakerStore, conformance};
//! use coord_resilience::{clock::ManualClock, sleep::BoxFuture};
//!
//! struct Memory(ManualClock);
//!
//! impl conformance::Harness for Memory {
//!     fn store(&self) -> Arc<dyn BreakerStore> {
//!         Arc::new(InMemoryBreakerStore::new(Arc::new(self.0.clone())))
//!     }
//!     fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
//!         Box::pin(async move { self.0.advance(by) })
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! conformance::run(&Memory(ManualClock::new())).await;
//! # });
//! ```

mod case;

use std::sync::Arc;
use std::time::Duration;

use self::case::{Case, SHORT, STEP, case, policy};
use super::ids::{Epoch, LeaseId};
use super::store::{
    BreakerStore, ControlOrder, FleetPolicy, FleetState, FleetView, Hold, ProbeOutcome, Version,
};
use crate::sleep::BoxFuture;

/// What the suite needs of an adapter.
pub trait Harness: Send + Sync {
    /// A store. It may be the same every time; names are never reused.
    fn store(&self) -> Arc<dyn BreakerStore>;

    /// Lets the store's clock go on by at least `by` (at most 2 s in all cases together): moves a
    /// manual clock, or waits.
    fn advance(&self, by: Duration) -> BoxFuture<'_, ()>;
}

/// Runs every case.
///
/// # Panics
/// On the first deviation.
pub async fn run(harness: &dyn Harness) {
    absent_is_closed(&case(harness, "absent")).await;
    quorum(&case(harness, "quorum"), harness).await;
    votes_lapse(&case(harness, "votes-lapse"), harness).await;
    stale_votes(&case(harness, "stale-votes"), harness).await;
    votes_prolong_nothing(&case(harness, "no-prolonging"), harness).await;
    permits_are_exact(&case(harness, "permits"), harness).await;
    leases_lapse(&case(harness, "leases-lapse"), harness).await;
    release_frees(&case(harness, "release"), harness).await;
    success_closes(&case(harness, "success"), harness).await;
    failure_opens(&case(harness, "failure"), harness).await;
    late_reports(&case(harness, "late"), harness).await;
    control(&case(harness, "control"), harness).await;
    names_are_apart(&case(harness, "apart"), &case(harness, "apart-too")).await;
}

async fn absent_is_closed(case: &Case) {
    let view = case.observe().await;
    assert_eq!(view, FleetView::default(), "nothing stored is closed");
    assert_eq!(case.observe().await.version, Version::NONE, "observing creates nothing");
    let policy = policy();
    assert_eq!(case.acquire(1, &policy).await, None, "no probe of a closed breaker");
    assert!(!case.report(Version::NONE, 1, ProbeOutcome::Success, &policy).await.0);
    assert_eq!(case.observe().await.version, Version::NONE, "refusals create nothing");
}

async fn quorum(case: &Case, _: &dyn Harness) {
    let policy = FleetPolicy { quorum: 2, ..policy() };
    let first = case.vote(1, Version::NONE, &policy).await;
    assert_eq!((first.state, first.votes), (FleetState::Closed, 1), "one of two");
    assert_ne!(first.version.epoch, Epoch(0), "a record has an epoch");
    let again = case.vote(1, first.version, &policy).await;
    assert_eq!((again.state, again.votes), (FleetState::Closed, 1), "one vote each");
    let second = case.vote(2, first.version, &policy).await;
    assert_eq!(second.state, FleetState::Open, "two of two");
    assert_eq!(second.version.epoch, first.version.epoch, "the epoch stays");
    assert!(second.version.generation > first.version.generation, "the generation grows");
    assert!(second.open_for <= policy.open_for && second.open_for > Duration::ZERO);
}

async fn votes_lapse(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { quorum: 2, vote_ttl: SHORT, ..policy() };
    let first = case.vote(1, Version::NONE, &policy).await;
    harness.advance(SHORT + STEP).await;
    assert_eq!(case.observe().await.votes, 0, "a vote lapses");
    let second = case.vote(2, first.version, &policy).await;
    assert_eq!((second.state, second.votes), (FleetState::Closed, 1), "a lapsed vote is gone");
}

async fn stale_votes(case: &Case, harness: &dyn Harness) {
    let policy = policy();
    case.half_open(harness, &policy).await;
    let closed = case.control(ControlOrder::Close).await;
    let old = Version { generation: closed.version.generation - 1, ..closed.version };
    let other = Version { epoch: Epoch(closed.version.epoch.0 ^ 1), ..closed.version };
    for seen in [old, other, Version::NONE] {
        let view = case.vote(1, seen, &policy).await;
        assert_eq!(view.state, FleetState::Closed, "a vote on {seen:?} is stale");
        assert_eq!(view.version, closed.version, "and shows the current version");
    }
}

async fn votes_prolong_nothing(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { open_for: 2 * SHORT, ..policy() };
    let open = case.vote(1, Version::NONE, &policy).await;
    harness.advance(policy.open_for / 2).await;
    let again = case.vote(2, open.version, &policy).await;
    assert_eq!(again.version, open.version, "a vote on an open breaker changes nothing");
    for lease in 0..3 {
        assert_eq!(case.acquire(lease, &policy).await, None, "no probe before its time");
    }
    harness.advance(policy.open_for / 2 + STEP).await;
    assert_eq!(case.observe().await.state, FleetState::HalfOpen, "nothing prolonged it");
}

async fn permits_are_exact(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 2, ..policy() };
    case.half_open(harness, &policy).await;
    let mut granted = 0;
    for lease in 0..10 {
        granted += u32::from(case.acquire(lease, &policy).await.is_some());
    }
    assert_eq!(granted, 2, "exactly the configured number of probes");
    let view = case.observe().await;
    assert_eq!((view.state, view.probes), (FleetState::HalfOpen, 2));
}

async fn leases_lapse(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 1, probe_lease: 3 * SHORT, ..policy() };
    case.half_open(harness, &policy).await;
    let version = case.acquire(1, &policy).await.expect("the first probe");
    // Refused acquires must not keep the lease of a dead prober alive.
    for lease in 2..6 {
        assert_eq!(case.acquire(lease, &policy).await, None, "one probe at once");
        harness.advance(SHORT / 3).await;
    }
    harness.advance(policy.probe_lease - SHORT * 4 / 3 + STEP).await;
    let next = case.acquire(7, &policy).await;
    assert!(next.is_some(), "a lapsed lease is reclaimed");
    let (applied, state) = case.report(version, 1, ProbeOutcome::Success, &policy).await;
    assert!(!applied, "the lapsed lease decides nothing");
    assert_eq!(state, FleetState::HalfOpen);
}

async fn release_frees(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 1, ..policy() };
    case.half_open(harness, &policy).await;
    let version = case.acquire(1, &policy).await.expect("the first probe");
    assert_eq!(case.acquire(2, &policy).await, None);
    let release = |lease| case.store.release(&case.name, version, LeaseId(lease));
    assert!(!release(9).await.expect("release").applied, "not held");
    assert!(release(1).await.expect("release").applied);
    assert!(!release(1).await.expect("release").applied, "only once");
    assert!(case.acquire(2, &policy).await.is_some(), "its place is free");
}

async fn success_closes(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 2, success_threshold: 2, ..policy() };
    case.half_open(harness, &policy).await;
    let version = case.acquire(1, &policy).await.expect("probe");
    assert_eq!(case.acquire(2, &policy).await, Some(version), "the same round");
    let success = ProbeOutcome::Success;
    assert_eq!(case.report(version, 1, success, &policy).await, (true, FleetState::HalfOpen));
    assert_eq!(case.report(version, 1, success, &policy).await, (false, FleetState::HalfOpen));
    assert_eq!(case.report(version, 2, success, &policy).await, (true, FleetState::Closed));
    assert_eq!(case.observe().await.votes, 0, "closed without votes");
}

async fn failure_opens(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 2, ..policy() };
    case.half_open(harness, &policy).await;
    let version = case.acquire(1, &policy).await.expect("probe");
    let hint = Duration::from_secs(900);
    let failure = ProbeOutcome::Failure { open_for: Some(hint) };
    assert_eq!(case.report(version, 1, failure, &policy).await, (true, FleetState::Open));
    let view = case.observe().await;
    assert!(view.open_for <= hint && view.open_for > hint / 2, "for as long as asked");
    assert_eq!(view.probes, 0, "a new round begins without permits out");
}

async fn late_reports(case: &Case, harness: &dyn Harness) {
    let policy = FleetPolicy { half_open_max_calls: 2, success_threshold: 1, ..policy() };
    case.half_open(harness, &policy).await;
    let first = case.acquire(1, &policy).await.expect("probe of round one");
    assert!(case.acquire(2, &policy).await.is_some());
    let failure = ProbeOutcome::Failure { open_for: Some(SHORT) };
    assert_eq!(case.report(first, 2, failure, &policy).await.1, FleetState::Open);
    harness.advance(SHORT + STEP).await;
    let second = case.acquire(3, &policy).await.expect("probe of round two");
    assert_ne!(first, second, "another generation");
    for version in [first, second, Version { epoch: Epoch(7), ..second }] {
        let (applied, state) = case.report(version, 1, ProbeOutcome::Success, &policy).await;
        assert_eq!((applied, state), (false, FleetState::HalfOpen), "round one is over");
    }
    assert_eq!(case.report(second, 3, ProbeOutcome::Success, &policy).await.1, FleetState::Closed);
}

async fn control(case: &Case, harness: &dyn Harness) {
    let policy = policy();
    let hold = |hold, lasting| ControlOrder::Hold {
        hold,
        lasting,
        reason: "drill \u{e9}\"".to_owned(),
        author: "ops".to_owned(),
    };
    let forced = case.control(hold(Hold::ForcedOpen, Some(SHORT))).await;
    let held = forced.control.expect("in force");
    assert_eq!((held.hold, held.reason.as_str()), (Hold::ForcedOpen, "drill \u{e9}\""));
    assert!(held.remaining.is_some_and(|left| left <= SHORT));
    assert_eq!(case.acquire(1, &policy).await, None, "no probes while held");
    assert_eq!(case.vote(1, forced.version, &policy).await.state, FleetState::Closed, "no votes");
    harness.advance(SHORT + STEP).await;
    assert_eq!(case.observe().await.control, None, "it expires");
    let disabled = case.control(hold(Hold::Disabled, None)).await;
    assert!(disabled.version.generation > forced.version.generation, "orders are versions");
    assert_eq!(disabled.control.expect("in force").remaining, None);
    let open = case.control(ControlOrder::Trip { open_for: SHORT }).await;
    assert_eq!((open.state, open.control), (FleetState::Open, None), "replaces the hold");
    assert_eq!(case.control(ControlOrder::Close).await.state, FleetState::Closed);
}

async fn names_are_apart(one: &Case, other: &Case) {
    let policy = policy();
    assert_eq!(one.vote(1, Version::NONE, &policy).await.state, FleetState::Open);
    assert_eq!(other.observe().await, FleetView::default(), "another name is untouched");
}
