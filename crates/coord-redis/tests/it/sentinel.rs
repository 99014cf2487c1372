//! A master that sentinels watch, and failovers under load.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coord_core::{BackendErrorKind, MessageCoordinator};
use coord_redis::{ConnectError, RedisConfig, RedisMessageCoordinator};
use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RealSentinel};

use crate::harness::{LONG, agent, fresh_prefix};
use crate::load::{mailboxes, name, start, until};

const PRODUCERS: usize = 4;
const CONSUMERS: usize = 4;
const EACH: u64 = 2_500;
const BOXES: usize = 4;
const LIMIT: Duration = Duration::from_secs(180);
/// How soon everybody works again after the new master was promoted.
const SOON: Duration = Duration::from_secs(2);

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
