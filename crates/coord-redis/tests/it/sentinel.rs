//! A master that sentinels watch, and failovers under load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coord_core::registry::{
    AgentRegistry, AgentState, Heartbeats, OnDrop, RegisteredAgent, Registration, RegistryPolicy,
};
use coord_core::{BackendErrorKind, MessageCoordinator};
use coord_redis::{
    ConnectError, RedisAgentRegistry, RedisBreakerStore, RedisConfig, RedisMessageCoordinator,
};
use coord_resilience::breaker::{Coordination, SharedConfig};
use coord_resilience::sleep::TokioSleeper;
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig, SharedBreaker, State};
use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RealSentinel};

use crate::harness::{LONG, agent, fresh_prefix};
use crate::load::{mailboxes, name, start, until};

const PRODUCERS: usize = 4;
const CONSUMERS: usize = 4;
const EACH: u64 = 2_500;
const BOXES: usize = 4;
const LIMIT: Duration = Duration::from_secs(180);
/// How soon everybody works again after the new master was promoted: two seconds, and three for the
/// tests that run beside this one on the same cores.
const SOON: Duration = Duration::from_secs(5);

pub(crate) fn config(sentinels: &RealSentinel) -> RedisConfig {
    let urls = sentinels.urls();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    RedisConfig::from_sentinel_urls(sentinels.service(), &urls).expect("valid URLs")
}

async fn coordinators(count: usize, config: &RedisConfig) -> Vec<RedisMessageCoordinator> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(RedisMessageCoordinator::connect(config.clone()).await.expect("a master"));
    }
    all
}

/// How a master is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    /// An operator asks for another one; the old one lives on for a while.
    Order,
    Crash,
    /// It hangs: connections stay open, nothing answers.
    Hang,
}

/// Returns when the server says that it is a master.
async fn promoted(sentinels: &RealSentinel, at: usize) -> Instant {
    let end = Instant::now() + LIMIT;
    loop {
        if let Ok(Frame::Array(role)) = sentinels.servers()[at].command(&["ROLE"])
            && role.first() == Some(&Frame::Bulk(b"master".to_vec()))
        {
            return Instant::now();
        }
        assert!(Instant::now() < end, "nobody was promoted");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn survives(loss: Loss) {
    let Some(mut sentinels) = RealSentinel::start_or_ignore("a failover under load") else {
        return;
    };
    let prefix = fresh_prefix();
    let config = config(&sentinels).with_prefix(&prefix).unwrap();
    let producers = coordinators(PRODUCERS, &config).await;
    let consumers = coordinators(CONSUMERS, &config).await;
    let old = sentinels.master().unwrap();
    let (tally, mut workers) = start(producers, consumers, &mailboxes(BOXES), EACH, Duration::ZERO);
    let total = PRODUCERS as u64 * EACH;
    until(LIMIT, "a quarter", &tally, || tally.accepted.load(Ordering::Relaxed) > total / 4).await;
    match loss {
        Loss::Order => assert_eq!(sentinels.begin_failover().unwrap(), old),
        Loss::Crash => sentinels.server_mut(old).kill().unwrap(),
        Loss::Hang => sentinels.server_mut(old).pause().unwrap(),
    }
    let at = promoted(&sentinels, 1 - old).await;
    // Everybody has finished something on the new master: who has not, did nothing since.
    until(LIMIT, "everybody works again", &tally, || {
        tally.working_since(at + Duration::from_millis(1)) >= CONSUMERS
    })
    .await;
    let waited = at.elapsed();
    assert!(waited < SOON, "{loss:?}: all work again after {waited:?}");
    until(LIMIT, "all were sent", &tally, || tally.accepted.load(Ordering::Relaxed) >= total).await;
    // Whatever the new master has is settled in the end.
    let mail = RedisMessageCoordinator::connect(config).await.unwrap();
    let end = Instant::now() + LIMIT;
    loop {
        let mut left = 0;
        for at in mailboxes(BOXES) {
            left += mail.mailbox_stats(&at).await.unwrap().depth;
        }
        if left == 0 {
            break;
        }
        assert!(Instant::now() < end, "{left} messages are stuck");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tally.stop();
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    // Redis replicates after it has answered: what the old master took last may be gone, and
    // what was settled there last may come back. Nothing else is missing.
    let missing = (0..PRODUCERS)
        .flat_map(|producer| (0..EACH).map(move |number| name(producer, number)))
        .filter(|id| !tally.has_settled(id))
        .count();
    let allowed = match loss {
        // Asked to step down, the old master stops no client: it takes more until it is demoted.
        Loss::Order => usize::try_from(total).unwrap(),
        Loss::Crash | Loss::Hang => 64,
    };
    assert!(missing <= allowed, "{loss:?}: {missing} of {total} are missing");
    if loss == Loss::Hang {
        sentinels.server_mut(old).resume().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_under_load_is_survived() {
    survives(Loss::Crash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_under_load_is_survived() {
    survives(Loss::Hang).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_failover_under_load_is_survived() {
    survives(Loss::Order).await;
}

/// What a failover loses is lost for all alike; everything else is there, and the work goes on.
#[tokio::test]
async fn the_fake_loses_exactly_the_last_writes() {
    for crash in [false, true] {
        let server = FakeRedis::sentinel().await.unwrap();
        let url = server.sentinel_url().unwrap();
        let config = RedisConfig::from_sentinel_urls(server.master_name(), &[&url]).unwrap();
        let mail = RedisMessageCoordinator::connect(config).await.unwrap();
        let (from, to) = (agent("planner"), agent("writer"));
        let send = |id: &str| {
            let id = coord_core::MessageId::new(id.to_owned()).unwrap();
            let kind = coord_core::MessageType::Event;
            let message = coord_core::AgentMessage::new(id, from.clone(), to.clone(), kind);
            mail.send_message(&from, &to, message)
        };
        for id in ["kept-1", "kept-2", "lost-1", "lost-2"] {
            assert!(send(id).await.unwrap().delivered());
        }
        let lost = if crash { server.crash_master(2) } else { server.fail_over(2) };
        assert_eq!(lost, 2);
        // The first operation may have been under way when the connection broke.
        let sent = match send("made-1").await {
            Err(coord_core::SendError::Backend(error)) => {
                assert!(crash, "a demoted master refused, so it is led on: {error}");
                assert_eq!(error.kind(), BackendErrorKind::OutcomeUnknown, "{error}");
                send("made-1").await
            }
            sent => sent,
        };
        assert!(sent.unwrap().delivered());
        let mut left = Vec::new();
        while let Some(held) = mail.receive(&to, LONG).await.unwrap() {
            left.push(held.queue_message.message.message_id.to_string());
        }
        assert_eq!(left, ["kept-1", "kept-2", "made-1"], "crash: {crash}");
    }
}

/// Nobody to ask, nobody of that name, a server that is no sentinel: each says what is wrong.
#[tokio::test]
async fn a_master_that_cannot_be_found_is_explained() {
    let server = FakeRedis::sentinel().await.unwrap();
    let sentinel = server.sentinel_url().unwrap();
    let no_sentinel = server.url();
    for (service, url) in
        [("nobody", &*sentinel), ("mymaster", &*no_sentinel), ("mymaster", "redis://127.0.0.1:1")]
    {
        let config = RedisConfig::from_sentinel_urls(service, &[url]).unwrap();
        let made = RedisMessageCoordinator::connect(config).await;
        let Err(ConnectError::Backend(error)) = made else { panic!("{made:?}") };
        assert_eq!(error.kind(), BackendErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains(&format!("{service:?}")), "{error}");
    }
    let none = RedisConfig::from_sentinel_urls("mymaster", &[]);
    assert!(none.unwrap_err().to_string().contains("1 to 64"));
}

/// A fleet's breakers over a real failover: no call fails by the store, nobody is stuck, and what
/// was tripped after it opens everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_breakers_survive_a_failover() {
    let Some(mut sentinels) = RealSentinel::start_or_ignore("shared_breakers_survive") else {
        return;
    };
    let settings = config(&sentinels).with_prefix(&fresh_prefix()).unwrap();
    let nodes: Vec<_> = (0..3).map(|_| member(settings.clone())).collect();
    let all = async |what: &str, done: &dyn Fn(&SharedBreaker) -> bool| {
        let end = Instant::now() + LIMIT;
        while !nodes.iter().all(done) {
            let seen: Vec<_> =
                nodes.iter().map(|it| (it.local().state(), it.coordination())).collect();
            assert!(Instant::now() < end, "never {what}: {seen:?}");
            // Users go on meanwhile: the store fails none of their calls.
            for node in &nodes {
                match node.call(|| async { Ok::<_, ()>(()) }).await {
                    Ok(()) | Err(CallError::Rejected(_)) => {}
                    Err(CallError::Inner(())) => panic!("no call fails"),
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let is_one = |it: &SharedBreaker| it.coordination() == Coordination::Coordinated;
    let is_open = |it: &SharedBreaker| it.local().state() == State::Open;
    let is_closed = |it: &SharedBreaker| it.local().state() == State::Closed;
    all("in touch", &is_one).await;
    for loss in [Loss::Crash, Loss::Hang] {
        let old = sentinels.master().unwrap();
        match loss {
            Loss::Crash => sentinels.server_mut(old).kill().unwrap(),
            _ => sentinels.server_mut(old).pause().unwrap(),
        }
        let at = promoted(&sentinels, 1 - old).await;
        all("in touch again", &is_one).await;
        assert!(at.elapsed() < SOON, "{loss:?}: one fleet again after {:?}", at.elapsed());
        let _ = nodes[0].call(|| async { Err::<(), _>(()) }).await;
        all("open", &is_open).await;
        all("closed by its probes", &is_closed).await;
        match loss {
            Loss::Crash => sentinels.server_mut(old).restart().unwrap(),
            _ => sentinels.server_mut(old).resume().unwrap(),
        }
        sentinels.await_replica(old).unwrap();
    }
}

fn member(settings: RedisConfig) -> SharedBreaker {
    let store = RedisBreakerStore::open(settings).expect("valid");
    let own = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_timeout(Duration::from_millis(300))
        .with_half_open_max_calls(1)
        .with_success_threshold(1);
    let local = CircuitBreaker::new("dep", own).expect("valid");
    let shared = SharedConfig::new()
        .with_poll(Duration::from_millis(50))
        .with_probe_lease(Duration::from_millis(500));
    let (breaker, driver) =
        SharedBreaker::join(local, Arc::new(store), Arc::new(TokioSleeper), shared).expect("valid");
    tokio::spawn(driver.run());
    breaker
}

/// Agents whose server is lost are neither dead nor forgotten on the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_survive_a_failover() {
    let Some(mut sentinels) = RealSentinel::start_or_ignore("heartbeats_survive") else { return };
    let settings = config(&sentinels).with_prefix(&fresh_prefix()).unwrap();
    let policy = RegistryPolicy::new()
        .with_ttl(Duration::from_secs(20))
        .with_interval(Duration::from_millis(100));
    let registry = RedisAgentRegistry::connect(settings.clone(), policy).await.unwrap();
    let beats = Heartbeats::start(Arc::new(registry), OnDrop::Expire);
    for name in ["writer:w1", "writer:w2", "planner"] {
        beats.register(Registration::new(agent(name))).await.unwrap();
    }
    let old = sentinels.master().unwrap();
    sentinels.server_mut(old).kill().unwrap();
    let at = promoted(&sentinels, 1 - old).await;
    // The sentinels name the new one a moment after it is one.
    let watcher = loop {
        match RedisAgentRegistry::connect(settings.clone(), policy).await {
            Ok(watcher) => break watcher,
            Err(error) => assert!(at.elapsed() < SOON, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    loop {
        // Seen alive by beats that came after the promotion.
        let agents = watcher.list_registered().await.unwrap();
        let beaten = |it: &RegisteredAgent| {
            it.state == AgentState::Alive && it.age.is_some_and(|age| age < at.elapsed())
        };
        if agents.len() == 3 && agents.iter().all(beaten) {
            break;
        }
        assert!(at.elapsed() < SOON, "{agents:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
