//! A fleet on the fake server, which answers errors, answers nothing, or goes away.

use std::sync::Arc;
use std::time::Duration;

use coord_redis::{KeyLayout, RedisBreakerStore};
use coord_resilience::breaker::{Coordination, SharedConfig};
use coord_resilience::sleep::TokioSleeper;
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig, SharedBreaker, State};
use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Fault;

use crate::harness::{break_scripts, config, fresh_prefix};

const POLL: Duration = Duration::from_millis(50);
/// How long something may take that should take a moment.
const HANGS: Duration = Duration::from_secs(30);

struct Fleet {
    server: FakeRedis,
    nodes: Vec<SharedBreaker>,
}

impl Fleet {
    async fn start() -> Self {
        let server = FakeRedis::start().await.expect("a loopback port is free");
        break_scripts(&server);
        let prefix = fresh_prefix();
        let nodes = (0..3).map(|_| node(&server, &prefix)).collect();
        let fleet = Self { server, nodes };
        fleet.until("in touch", |n| n.coordination() == Coordination::Coordinated).await;
        fleet
    }

    async fn until(&self, what: &str, done: impl Fn(&SharedBreaker) -> bool) {
        let waiting = async {
            while !self.nodes.iter().all(&done) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(HANGS, waiting).await.unwrap_or_else(|_| {
            let states: Vec<_> =
                self.nodes.iter().map(|n| (n.local().state(), n.coordination())).collect();
            panic!("never {what}: {states:?}")
        });
    }

    async fn all_open(&self) {
        self.until("open", |n| n.local().state() == State::Open).await;
    }

    /// Each calls until a call passes; none may fail for another reason than being rejected.
    async fn all_pass(&self) {
        for node in &self.nodes {
            let passing = async {
                loop {
                    match node.call(|| async { Ok::<_, ()>(()) }).await {
                        Ok(()) => return,
                        Err(CallError::Rejected(_)) => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(CallError::Inner(())) => panic!("no call fails"),
                    }
                }
            };
            tokio::time::timeout(HANGS, passing).await.expect("nobody is stuck");
        }
    }
}

fn node(server: &FakeRedis, prefix: &str) -> SharedBreaker {
    let settings = config(&server.url(), KeyLayout::Compact, prefix);
    let store = RedisBreakerStore::open(settings).expect("valid");
    let own = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_timeout(Duration::from_millis(300))
        .with_half_open_max_calls(1)
        .with_success_threshold(1);
    let local = CircuitBreaker::new("dep", own).expect("valid");
    let shared = SharedConfig::new().with_poll(POLL).with_probe_lease(Duration::from_millis(500));
    let (breaker, driver) =
        SharedBreaker::join(local, Arc::new(store), Arc::new(TokioSleeper), shared).expect("valid");
    tokio::spawn(driver.run());
    breaker
}

async fn trip(node: &SharedBreaker) {
    let _ = node.call(|| async { Err::<(), _>(()) }).await;
}

/// While each of these lasts, calls go on; when it ends, the fleet is one again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_fail_no_call_and_leave_nobody_stuck() {
    let fleet = Fleet::start().await;
    let faults = [
        Fault::error("READONLY You can't write against a read only replica."),
        Fault::loading(),
        Fault::out_of_memory(),
        Fault::master_down(),
        Fault::busy(),
        Fault::drop_before_executing(),
        Fault::execute_then_drop(),
        Fault::execute_then_hang(),
        Fault::partial_reply(7),
        Fault::kill_all_connections(),
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        let what = format!("{fault:?}");
        fleet.server.inject(fault.command("EVALSHA"));
        let degraded = |n: &SharedBreaker| n.coordination() == Coordination::Degraded;
        fleet.until(&format!("without {what}"), degraded).await;
        for node in &fleet.nodes {
            assert_eq!(node.call(|| async { Ok::<_, ()>(7) }).await, Ok(7), "{what}");
        }
        // Open by its own decision; the others come by their own probes or the vote later.
        trip(&fleet.nodes[at % 3]).await;
        assert_eq!(fleet.nodes[at % 3].local().state(), State::Open, "{what}");
        fleet.all_pass().await;
        fleet.server.heal_all();
        fleet.until("back", |n| n.coordination() == Coordination::Coordinated).await;
        fleet.all_pass().await;
        trip(&fleet.nodes[(at + 1) % 3]).await;
        fleet.all_open().await;
        fleet.all_pass().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_scripts_and_connections_are_made_anew() {
    let fleet = Fleet::start().await;
    for _ in 0..3 {
        fleet.server.flush_scripts();
        trip(&fleet.nodes[0]).await;
        fleet.all_open().await;
        fleet.server.kill_connections();
        assert!(!fleet.server.command(["FLUSHALL"]).is_error());
        fleet.all_pass().await;
        fleet.until("back", |n| n.coordination() == Coordination::Coordinated).await;
    }
}

/// A process starts while Redis is away, and joins when it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_without_redis() {
    let server = FakeRedis::start().await.expect("a loopback port is free");
    break_scripts(&server);
    let loading = server.inject(Fault::loading());
    let node = node(&server, &fresh_prefix());
    assert_eq!(node.call(|| async { Ok::<_, ()>(1) }).await, Ok(1));
    let fleet = Fleet { server, nodes: vec![node] };
    fleet.until("degraded", |n| n.coordination() == Coordination::Degraded).await;
    assert!(fleet.server.heal(loading));
    fleet.until("in touch", |n| n.coordination() == Coordination::Coordinated).await;
}
