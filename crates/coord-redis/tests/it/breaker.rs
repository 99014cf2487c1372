//! The breaker's store: the conformance suite, and random steps against the pure record.

use std::sync::Arc;
use std::time::Duration;

use coord_redis::{KeyLayout, RedisBreakerStore};
use coord_resilience::breaker::{
    Acquired, BreakerName, BreakerStore, ControlOrder, Epoch, FleetPolicy, FleetRecord, FleetView,
    Hold, InstanceId, LeaseId, ProbeOutcome, StateRecord, Version, Vote, conformance,
};
use coord_resilience::sleep::BoxFuture;
use coord_testkit::fake_redis::Reply;
use coord_testkit::{Clock, FakeRedis};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::{
    At, LAYOUTS, break_scripts, config, fresh_prefix, server_time_passes, shared,
};

/// Where the fake's clock starts: 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);
const PATIENT: Duration = Duration::from_secs(20);

/// A store that gives a slow machine time.
pub(crate) fn store(url: &str, layout: KeyLayout, prefix: &str) -> RedisBreakerStore {
    let config = config(url, layout, prefix);
    let config = config.with_response_timeout(PATIENT).with_connect_timeout(PATIENT);
    RedisBreakerStore::open_with(config, PATIENT).expect("a valid configuration")
}

struct Real {
    store: RedisBreakerStore,
    at: At,
}

impl conformance::Harness for Real {
    fn store(&self) -> Arc<dyn BreakerStore> {
        Arc::new(self.store.clone())
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        Box::pin(server_time_passes(&self.at, by))
    }
}

#[tokio::test]
async fn the_real_server_conforms() {
    let Some(server) = shared("the_real_server_conforms") else { return };
    for layout in LAYOUTS {
        let at = At::from(&*server);
        conformance::run(&Real { store: store(&at.url, layout, &fresh_prefix()), at }).await;
    }
}

struct Fake {
    store: RedisBreakerStore,
    server: Arc<FakeRedis>,
}

impl conformance::Harness for Fake {
    fn store(&self) -> Arc<dyn BreakerStore> {
        Arc::new(self.store.clone())
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        self.server.advance(by);
        Box::pin(std::future::ready(()))
    }
}

async fn fake() -> Arc<FakeRedis> {
    let server = FakeRedis::builder().clock(Clock::manual(START)).start().await;
    let server = server.expect("a loopback port is free");
    break_scripts(&server);
    Arc::new(server)
}

#[tokio::test]
async fn the_fake_server_conforms() {
    for layout in LAYOUTS {
        let server = fake().await;
        let store = store(&server.url(), layout, &fresh_prefix());
        conformance::run(&Fake { store, server }).await;
    }
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Advance(u64),
    Observe,
    Vote { voter: u64, seen: Seen, open_for: u64 },
    Acquire { lease: u64 },
    Report { lease: u64, version: Seen, outcome: ProbeOutcome },
    Release { lease: u64, version: Seen },
    Control(ControlOrder),
    Flush,
}

/// A version by its relation to the current one.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Current,
    Before,
    OtherLife,
    Nothing,
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        6 => Just(Seen::Current), 1 => Just(Seen::Before), 1 => Just(Seen::OtherLife),
        1 => Just(Seen::Nothing),
    ]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..60_000_u64, Just(500_000), Just(90_000_000_000)]
}

fn order() -> impl Strategy<Value = ControlOrder> {
    let hold = prop_oneof![Just(Hold::ForcedOpen), Just(Hold::Disabled), Just(Hold::MetricsOnly)];
    let held = (hold, proptest::option::of(time()), "[ -~\u{e4}\u{4e2d}\"\\\\\n]{0,6}");
    prop_oneof![
        Just(ControlOrder::Close),
        time().prop_map(|us| ControlOrder::Trip { open_for: Duration::from_micros(us) }),
        held.prop_map(|(hold, us, reason)| ControlOrder::Hold {
            hold,
            lasting: us.map(Duration::from_micros),
            author: reason.chars().rev().collect(),
            reason,
        }),
    ]
}

fn outcome() -> impl Strategy<Value = ProbeOutcome> {
    let hint = proptest::option::of(time().prop_map(Duration::from_micros));
    prop_oneof![
        2 => Just(ProbeOutcome::Success),
        1 => hint.prop_map(|open_for| ProbeOutcome::Failure { open_for }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => time().prop_map(Step::Advance),
        2 => Just(Step::Observe),
        6 => (0..4_u64, seen(), time())
            .prop_map(|(voter, seen, open_for)| Step::Vote { voter, seen, open_for }),
        8 => (0..5_u64).prop_map(|lease| Step::Acquire { lease }),
        6 => (0..5_u64, seen(), outcome())
            .prop_map(|(lease, version, outcome)| Step::Report { lease, version, outcome }),
        2 => (0..5_u64, seen()).prop_map(|(lease, version)| Step::Release { lease, version }),
        2 => order().prop_map(Step::Control),
        1 => Just(Step::Flush),
    ]
}

fn policy() -> impl Strategy<Value = FleetPolicy> {
    (1..4_u32, 1..4_u32, 1..4_u32).prop_map(|(quorum, half_open_max_calls, success_threshold)| {
        FleetPolicy {
            quorum,
            vote_ttl: Duration::from_millis(40),
            open_for: Duration::from_millis(30),
            half_open_max_calls,
            success_threshold,
            probe_lease: Duration::from_millis(50),
        }
    })
}

/// The pure record beside the store.
struct Twin {
    server: Arc<FakeRedis>,
    store: RedisBreakerStore,
    name: BreakerName,
    state_key: String,
    record: Option<FleetRecord>,
}

impl Twin {
    fn new(server: &Arc<FakeRedis>, layout: KeyLayout) -> Self {
        let prefix = fresh_prefix();
        let store = store(&server.url(), layout, &prefix);
        let state_key = match layout {
            KeyLayout::Compact => format!("{prefix}:cb:state:{{flow:a b}}"),
            KeyLayout::Tta => format!("{prefix}:cb:state:flow:a b"),
        };
        let name = BreakerName::parse("flow:a b").unwrap();
        Self { server: Arc::clone(server), store, name, state_key, record: None }
    }

    fn version(&self, seen: Seen) -> Version {
        let current = self.record.as_ref().map(FleetRecord::version).unwrap_or_default();
        match seen {
            Seen::Current => current,
            Seen::Before => Version { generation: current.generation.saturating_sub(1), ..current },
            Seen::OtherLife => Version { epoch: Epoch(current.epoch.0 ^ 1), ..current },
            Seen::Nothing => Version::NONE,
        }
    }

    /// Does the step on both and compares.
    async fn step(&mut self, step: &Step, policy: &FleetPolicy) {
        let (store, name) = (self.store.clone(), self.name.clone());
        let now = self.server.clock().now_us();
        match step {
            Step::Advance(us) => self.server.advance(Duration::from_micros(*us)),
            Step::Flush => {
                assert!(!self.server.command(["FLUSHALL"]).is_error());
                self.record = None;
            }
            Step::Observe => {
                let view = store.observe(&name).await.unwrap();
                self.same(&view, now);
            }
            Step::Vote { voter, seen, open_for } => {
                let open_for = Duration::from_micros(*open_for);
                let vote = Vote { voter: InstanceId(*voter), seen: self.version(*seen), open_for };
                let view = store.vote(&name, &vote, policy).await.unwrap();
                if vote.seen == Version::NONE {
                    self.create(&view, now);
                }
                let counted = self.record.as_mut().is_some_and(|r| r.vote(now, &vote, policy));
                self.same(&view, now);
                if counted {
                    self.same_record(now);
                }
            }
            Step::Acquire { lease } => {
                let lease = LeaseId(*lease);
                // A lease names one permit; the reference trusts that nobody asks twice.
                let is_out = |r: &FleetRecord| r.leases.iter().any(|l| l.id == lease);
                if self.record.as_ref().is_some_and(is_out) {
                    return;
                }
                let acquired = store.acquire(&name, lease, policy).await.unwrap();
                let ours = self.record.as_mut().is_some_and(|r| r.acquire(now, lease, policy));
                let (granted, view) = match acquired {
                    Acquired::Granted(view) => (true, view),
                    Acquired::Refused(view) => (false, view),
                };
                assert_eq!(granted, ours);
                self.same(&view, now);
            }
            Step::Report { lease, version, outcome } => {
                let (version, lease) = (self.version(*version), LeaseId(*lease));
                let settled = store.report(&name, version, lease, *outcome, policy).await.unwrap();
                let report = |r: &mut FleetRecord| r.report(now, version, lease, *outcome, policy);
                assert_eq!(settled.applied, self.record.as_mut().is_some_and(report));
                self.same(&settled.view, now);
                if settled.applied {
                    self.same_record(now);
                }
            }
            Step::Release { lease, version } => {
                let (version, lease) = (self.version(*version), LeaseId(*lease));
                let settled = store.release(&name, version, lease).await.unwrap();
                let release = |r: &mut FleetRecord| r.release(now, version, lease);
                assert_eq!(settled.applied, self.record.as_mut().is_some_and(release));
                self.same(&settled.view, now);
            }
            Step::Control(order) => {
                let view = store.control(&name, order).await.unwrap();
                self.create(&view, now);
                if let Some(record) = &mut self.record {
                    record.control(now, order);
                }
                self.same(&view, now);
                self.same_record(now);
            }
        }
    }

    fn create(&mut self, view: &FleetView, now: u64) {
        self.record.get_or_insert_with(|| FleetRecord::new(view.version.epoch, now));
    }

    fn same(&self, view: &FleetView, now: u64) {
        let ours = self.record.as_ref().map(|record| record.view(now)).unwrap_or_default();
        assert_eq!(*view, ours);
    }

    /// The stored JSON, which was written now, is the record in the original's form.
    fn same_record(&self, now: u64) {
        let Reply::Bulk(json) = self.server.command(["GET", &self.state_key]) else {
            panic!("no state record")
        };
        let mut stored: StateRecord = serde_json::from_slice(&json).expect("the record is JSON");
        let mut ours = self.record.as_ref().expect("a record").to_state_record(now);
        for record in [&mut stored, &mut ours] {
            // The reference does not keep it, and keeps lapsed permits a little longer.
            record.last_failure_time = None;
            let coord = record.coord.as_mut().expect("the record is in it");
            coord.leases.retain(|lease| lease.until_us > now);
            coord.leases.sort_by_key(|lease| lease.id);
            coord.votes.retain(|vote| vote.until_us > now);
        }
        assert_eq!(stored, ours);
    }
}

#[test]
fn random_steps_agree_with_the_pure_record() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(fake());
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 48;
    }
    config.failure_persistence = None;
    let histories = (policy(), proptest::collection::vec(step(), 1..60), any::<bool>());
    let agreed = TestRunner::new(config).run(&histories, |(policy, steps, compact)| {
        let layout = if compact { KeyLayout::Compact } else { KeyLayout::Tta };
        runtime.block_on(async {
            let mut twin = Twin::new(&server, layout);
            for step in &steps {
                twin.step(step, &policy).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = agreed {
        panic!("{failure}");
    }
}
