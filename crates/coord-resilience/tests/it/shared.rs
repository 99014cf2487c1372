//! The shared breaker over the in-memory store, in tokio's paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coord_resilience::breaker::{
    Acquired, BreakerName, BreakerStore, ControlOrder, Coordination, Driver, FleetPolicy,
    FleetState, FleetView, Hold, InMemoryBreakerStore, LeaseId, ProbeOutcome, Settled,
    SharedConfig, StateRecord, StoreError, Version, Vote, conformance,
};
use coord_resilience::clock::{Clock, ManualClock, TokioClock};
use coord_resilience::sleep::{BoxFuture, TokioSleeper};
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig, SharedBreaker, State};

use crate::support::{ms, secs};

struct Fleet {
    store: InMemoryBreakerStore,
    name: BreakerName,
    nodes: Vec<SharedBreaker>,
    drivers: Vec<tokio::task::JoinHandle<()>>,
}

/// A clock that is off by a fixed time.
#[derive(Debug)]
struct Skewed(TokioClock, Duration);

impl Clock for Skewed {
    fn now(&self) -> Duration {
        self.0.now() + self.1
    }
}

fn config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new()
        .with_failure_threshold(2)
        .with_timeout(secs(10))
        .with_half_open_max_calls(2)
        .with_success_threshold(2)
        .with_slow_threshold(secs(1))
}

fn node(
    store: &InMemoryBreakerStore,
    skew: Duration,
    shared: SharedConfig,
) -> (SharedBreaker, Driver) {
    let clock = Arc::new(Skewed(TokioClock::new(), skew));
    let local = CircuitBreaker::with_clock("dep", config(), clock, 1).unwrap();
    SharedBreaker::join(local, Arc::new(store.clone()), Arc::new(TokioSleeper), shared).unwrap()
}

impl Fleet {
    async fn new(size: u64, shared: SharedConfig) -> Self {
        let store = InMemoryBreakerStore::new(Arc::new(TokioClock::new()));
        let name = BreakerName::parse("dep").unwrap();
        let (mut nodes, mut drivers) = (Vec::new(), Vec::new());
        for i in 0..size {
            // Each process's clock has an origin of its own, hours apart.
            let (node, driver) = node(&store, secs(i * 10_000), shared);
            nodes.push(node);
            drivers.push(tokio::spawn(driver.run()));
        }
        let fleet = Self { store, name, nodes, drivers };
        settle().await;
        fleet
    }

    fn states(&self) -> Vec<State> {
        self.nodes.iter().map(|n| n.local().state()).collect()
    }

    async fn fleet_state(&self) -> FleetState {
        self.store.observe(&self.name).await.unwrap().state
    }
}

/// Lets all tasks run, without letting time pass that matters.
async fn settle() {
    tokio::time::sleep(ms(1)).await;
}

async fn ok(node: &SharedBreaker) -> Result<(), CallError<()>> {
    node.call(|| async { Ok(()) }).await
}

async fn trip(node: &SharedBreaker) {
    for _ in 0..2 {
        let _ = node.call(|| async { Err::<(), _>(()) }).await;
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn one_trip_opens_all_and_probes_close_all() {
    let fleet = Fleet::new(5, SharedConfig::new()).await;
    assert!(fleet.nodes.iter().all(|n| n.coordination() == Coordination::Coordinated));
    trip(&fleet.nodes[0]).await;
    assert_eq!(fleet.states(), [State::Open; 5], "within a push, not a poll");
    let Err(CallError::Rejected(rejected)) = ok(&fleet.nodes[4]).await else { panic!("open") };
    assert!(rejected.retry_after.unwrap() > secs(9), "{rejected:?}");
    tokio::time::sleep(secs(10)).await;

    // All five ask ten times each at once: two probes in the whole fleet.
    let mut calls = Vec::new();
    for i in 0..50 {
        let node = fleet.nodes[i % 5].clone();
        calls.push(tokio::spawn(async move {
            let op = || async {
                tokio::time::sleep(ms(20)).await;
                Ok::<_, ()>(())
            };
            node.call(op).await
        }));
    }
    let mut passed = 0;
    for call in calls {
        passed += u32::from(call.await.unwrap().is_ok());
    }
    assert_eq!(passed, 2);
    settle().await;
    assert_eq!(fleet.states(), [State::Closed; 5]);
    assert_eq!(fleet.fleet_state().await, FleetState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_all_again() {
    let fleet = Fleet::new(3, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    tokio::time::sleep(secs(10)).await;
    assert!(fleet.nodes[1].call(|| async { Err::<(), _>(()) }).await.is_err());
    settle().await;
    assert_eq!(fleet.fleet_state().await, FleetState::Open);
    for node in &fleet.nodes {
        assert!(matches!(ok(node).await, Err(CallError::Rejected(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_bad_node_opens_only_itself_below_the_quorum() {
    let fleet = Fleet::new(3, SharedConfig::new().with_quorum(2)).await;
    trip(&fleet.nodes[0]).await;
    assert_eq!(fleet.states(), [State::Open, State::Closed, State::Closed]);
    assert_eq!(fleet.store.observe(&fleet.name).await.unwrap().votes, 1);
    trip(&fleet.nodes[1]).await;
    settle().await;
    assert_eq!(fleet.states(), [State::Open; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_lease_back() {
    let fleet = Fleet::new(2, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    tokio::time::sleep(secs(10)).await;
    for _ in 0..5 {
        let a = fleet.nodes[0].acquire().await.unwrap();
        let b = fleet.nodes[1].acquire().await.unwrap();
        assert!(a.is_probe() && b.is_probe());
        assert!(fleet.nodes[0].acquire().await.is_err(), "both places are taken");
        drop(a);
        drop(b);
        settle().await;
        assert_eq!(fleet.store.observe(&fleet.name).await.unwrap().probes, 0);
    }
    // One that hangs past the slow threshold is a failed one.
    let hang = fleet.nodes[0].call(std::future::pending::<Result<(), ()>>);
    assert!(tokio::time::timeout(secs(2), hang).await.is_err());
    settle().await;
    assert_eq!(fleet.fleet_state().await, FleetState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_killed_prober_does_not_block_the_fleet() {
    let fleet = Fleet::new(2, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    tokio::time::sleep(secs(10)).await;
    // Leases of a process that is gone: nobody will give them back.
    let policy = fleet.nodes[0].policy();
    for lease in 0..2 {
        let answer = fleet.store.acquire(&fleet.name, LeaseId(lease), &policy).await.unwrap();
        assert!(matches!(answer, Acquired::Granted(_)));
    }
    assert!(ok(&fleet.nodes[1]).await.is_err());
    tokio::time::sleep(secs(30)).await;
    ok(&fleet.nodes[1]).await.unwrap();
    ok(&fleet.nodes[0]).await.unwrap();
    settle().await;
    assert_eq!(fleet.states(), [State::Closed; 2]);
}

#[tokio::test(start_paused = true)]
async fn without_the_store_the_local_breaker_does_everything() {
    let fleet = Fleet::new(2, SharedConfig::new()).await;
    let node = &fleet.nodes[0];
    fleet.store.set_down(true);
    settle().await;
    assert_eq!(node.coordination(), Coordination::Degraded);
    for _ in 0..10 {
        ok(node).await.unwrap();
    }
    trip(node).await;
    assert_eq!(fleet.states(), [State::Open, State::Closed]);
    tokio::time::sleep(secs(10)).await;
    ok(node).await.unwrap();
    assert_eq!(node.local().state(), State::HalfOpen);
    ok(node).await.unwrap();
    assert_eq!(node.local().state(), State::Closed);

    // Local OPEN is a vote when the store returns.
    trip(node).await;
    fleet.store.set_down(false);
    tokio::time::sleep(secs(3)).await;
    assert_eq!(fleet.states(), [State::Open; 2]);
    assert_eq!(node.coordination(), Coordination::Coordinated);
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_open_leaves_nobody_stuck() {
    let fleet = Fleet::new(2, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    fleet.store.set_down(true);
    tokio::time::sleep(secs(10)).await;
    // Half-open by local permits; the failing store costs no call.
    for node in &fleet.nodes {
        ok(node).await.unwrap();
        ok(node).await.unwrap();
    }
    assert_eq!(fleet.states(), [State::Closed; 2]);
    fleet.store.set_down(false);
    tokio::time::sleep(secs(3)).await;
    // The fleet is still due for a probe; the next calls are it.
    for node in &fleet.nodes {
        ok(node).await.unwrap();
    }
    settle().await;
    assert_eq!(fleet.states(), [State::Closed; 2]);
    assert_eq!(fleet.fleet_state().await, FleetState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_flushed_store_is_noticed() {
    let fleet = Fleet::new(3, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    let before = fleet.nodes[1].fleet().version;
    tokio::time::sleep(secs(4)).await;
    fleet.store.flush();
    tokio::time::sleep(secs(2)).await;
    let after = fleet.nodes[1].fleet();
    assert_ne!(before.epoch, after.version.epoch);
    assert_eq!((after.state, fleet.states()), (FleetState::Open, vec![State::Open; 3]));
    // Open for the time that was left, not anew.
    tokio::time::sleep(secs(4)).await;
    ok(&fleet.nodes[2]).await.unwrap();
    ok(&fleet.nodes[1]).await.unwrap();
    settle().await;
    assert_eq!(fleet.states(), [State::Closed; 3]);
}

/// A store that never answers.
#[derive(Debug)]
struct Hanging(InMemoryBreakerStore, AtomicBool);

impl Hanging {
    async fn gate(&self) {
        if self.1.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait::async_trait]
impl BreakerStore for Hanging {
    async fn observe(&self, name: &BreakerName) -> Result<FleetView, StoreError> {
        self.gate().await;
        self.0.observe(name).await
    }
    async fn vote(
        &self,
        name: &BreakerName,
        vote: &Vote,
        policy: &FleetPolicy,
    ) -> Result<FleetView, StoreError> {
        self.gate().await;
        self.0.vote(name, vote, policy).await
    }
    async fn acquire(
        &self,
        name: &BreakerName,
        lease: LeaseId,
        policy: &FleetPolicy,
    ) -> Result<Acquired, StoreError> {
        self.gate().await;
        self.0.acquire(name, lease, policy).await
    }
    async fn report(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> Result<Settled, StoreError> {
        self.gate().await;
        self.0.report(name, version, lease, outcome, policy).await
    }
    async fn release(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
    ) -> Result<Settled, StoreError> {
        self.gate().await;
        self.0.release(name, version, lease).await
    }
    async fn control(
        &self,
        name: &BreakerName,
        order: &ControlOrder,
    ) -> Result<FleetView, StoreError> {
        self.gate().await;
        self.0.control(name, order).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_costs_a_probe_its_budget_and_nothing_else() {
    let memory = InMemoryBreakerStore::new(Arc::new(TokioClock::new()));
    let store = Arc::new(Hanging(memory, false.into()));
    let clock = Arc::new(TokioClock::new());
    let local = CircuitBreaker::with_clock("dep", config(), clock, 1).unwrap();
    let (node, driver) = SharedBreaker::join(
        local,
        Arc::<Hanging>::clone(&store),
        Arc::new(TokioSleeper),
        SharedConfig::new(),
    )
    .unwrap();
    let _driver = tokio::spawn(driver.run());
    settle().await;
    trip(&node).await;
    tokio::time::sleep(secs(9)).await;
    store.1.store(true, Ordering::SeqCst);
    // No call in OPEN waits for it.
    let begin = tokio::time::Instant::now();
    ok(&node).await.unwrap_err();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    tokio::time::sleep(ms(999)).await;
    let begin = tokio::time::Instant::now();
    ok(&node).await.unwrap();
    assert!(begin.elapsed() <= ms(251), "{:?}", begin.elapsed());
    ok(&node).await.unwrap();
    assert_eq!(node.local().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_asking_the_store_leaves_no_lease() {
    let memory = InMemoryBreakerStore::new(Arc::new(TokioClock::new()));
    let store = Arc::new(Hanging(memory, false.into()));
    let clock = Arc::new(TokioClock::new());
    let local = CircuitBreaker::with_clock("dep", config(), clock, 1).unwrap();
    let (node, driver) = SharedBreaker::join(
        local,
        Arc::<Hanging>::clone(&store),
        Arc::new(TokioSleeper),
        SharedConfig::new(),
    )
    .unwrap();
    let _driver = tokio::spawn(driver.run());
    settle().await;
    trip(&node).await;
    tokio::time::sleep(secs(10)).await;
    store.1.store(true, Ordering::SeqCst);
    assert!(tokio::time::timeout(ms(1), ok(&node)).await.is_err());
    store.1.store(false, Ordering::SeqCst);
    tokio::time::sleep(secs(3)).await;
    assert_eq!(store.observe(&BreakerName::parse("dep").unwrap()).await.unwrap().probes, 0);
    ok(&node).await.unwrap();
    ok(&node).await.unwrap();
    settle().await;
    assert_eq!(node.local().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn operators_hold_the_whole_fleet() {
    let fleet = Fleet::new(3, SharedConfig::new()).await;
    let hold = |hold| ControlOrder::Hold {
        hold,
        lasting: Some(secs(5)),
        reason: "maintenance".to_owned(),
        author: "ops".to_owned(),
    };
    fleet.store.control(&fleet.name, &hold(Hold::ForcedOpen)).await.unwrap();
    settle().await;
    assert_eq!(fleet.states(), [State::ForcedOpen; 3]);
    assert_eq!(fleet.nodes[2].fleet().control.unwrap().reason, "maintenance");
    fleet.store.control(&fleet.name, &hold(Hold::Disabled)).await.unwrap();
    settle().await;
    trip(&fleet.nodes[0]).await;
    assert_eq!(fleet.states(), [State::Disabled; 3]);
    tokio::time::sleep(secs(5)).await;
    for node in &fleet.nodes {
        ok(node).await.unwrap();
    }
    assert_eq!(fleet.states(), [State::Closed; 3], "it expires by itself");
    trip(&fleet.nodes[0]).await;
    assert_eq!(fleet.states(), [State::Open; 3]);
    fleet.store.control(&fleet.name, &ControlOrder::Close).await.unwrap();
    settle().await;
    assert_eq!(fleet.states(), [State::Closed; 3]);
}

#[tokio::test(start_paused = true)]
async fn without_a_driver_it_is_local_and_drivers_end_with_the_last_handle() {
    let store = InMemoryBreakerStore::new(Arc::new(TokioClock::new()));
    let (alone, driver) = node(&store, secs(0), SharedConfig::new());
    drop(driver);
    trip(&alone).await;
    assert_eq!((alone.coordination(), alone.local().state()), (Coordination::Local, State::Open));
    tokio::time::sleep(secs(10)).await;
    ok(&alone).await.unwrap();
    let fleet = Fleet::new(2, SharedConfig::new()).await;
    drop(fleet.nodes);
    for driver in fleet.drivers {
        driver.await.unwrap();
    }
}

#[test]
fn a_breaker_joins_once_and_values_are_checked() {
    let store = Arc::new(InMemoryBreakerStore::new(Arc::new(ManualClock::new())));
    let local = CircuitBreaker::new("x", CircuitBreakerConfig::new()).unwrap();
    let join = |config| {
        SharedBreaker::join(
            local.clone(),
            Arc::<InMemoryBreakerStore>::clone(&store),
            Arc::new(TokioSleeper),
            config,
        )
    };
    for (field, config) in [
        ("quorum", SharedConfig::new().with_quorum(0)),
        ("poll", SharedConfig::new().with_poll(secs(0))),
        ("vote_ttl", SharedConfig::new().with_vote_ttl(secs(1))),
        ("probe_lease", SharedConfig::new().with_probe_lease(secs(0))),
        ("store_budget", SharedConfig::new().with_store_budget(secs(61))),
    ] {
        assert_eq!(join(config).unwrap_err().field, field);
    }
    let joined = join(SharedConfig::new());
    assert!(joined.is_ok());
    assert_eq!(join(SharedConfig::new()).unwrap_err().field, "local");
}

struct Memory(ManualClock);

impl conformance::Harness for Memory {
    fn store(&self) -> Arc<dyn BreakerStore> {
        Arc::new(InMemoryBreakerStore::new(Arc::new(self.0.clone())))
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.0.advance(by) })
    }
}

#[tokio::test]
async fn the_memory_store_conforms() {
    conformance::run(&Memory(ManualClock::new())).await;
}

#[tokio::test(start_paused = true)]
async fn the_record_is_readable_by_the_original() {
    let fleet = Fleet::new(1, SharedConfig::new()).await;
    trip(&fleet.nodes[0]).await;
    let record = fleet.store.record(&fleet.name).unwrap();
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["state"], "open");
    assert_eq!(json["coord"]["state"], "open");
    assert_eq!(json["coord"]["epoch"].as_str().unwrap().len(), 16);
    let again: StateRecord = serde_json::from_value(json).unwrap();
    assert_eq!(again, record);
}
