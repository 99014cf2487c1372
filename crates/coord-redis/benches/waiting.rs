//! From send to receive while a consumer waits: `cargo bench -p coord-redis --bench waiting`.
//!
//! Each round times, in turn, an idle PING on a multiplexed connection and the time from just
//! before a send to the moment the waiting consumer has the message; what is printed are ratios
//! to the PING's median of the same run. The last line is what a hand-over takes at the least: a
//! script of its commands alone, called and heard without the library. The goals stand in
//! `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use coord_core::{AgentId, AgentMessage, MessageCoordinator, MessageType, Payload};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::RealServer;
use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

const ROUNDS: usize = 600;
const LONG: Duration = Duration::from_secs(600);

fn main() {
    // `cargo test --all-targets` builds this and runs it without the argument.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let Some(server) = RealServer::builder().private().start_or_ignore("bench") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for layout in [KeyLayout::Compact, KeyLayout::Tta] {
            for consumers in [1, 64] {
                send_to_receive(&server, layout, consumers, Producer::Ours).await;
            }
        }
        send_to_receive(&server, KeyLayout::Tta, 1, Producer::Foreign).await;
        by_hand(&server).await;
    });
}

#[derive(Debug, Clone, Copy)]
enum Producer {
    /// `send_message` of another coordinator.
    Ours,
    /// RPUSH and ZADD in one transaction, as the original's.
    Foreign,
}

async fn send_to_receive(server: &RealServer, layout: KeyLayout, count: usize, by: Producer) {
    server.command(&["FLUSHALL"]).unwrap();
    let config = RedisConfig::from_url(&server.url()).unwrap().with_layout(layout);
    let receiving = Arc::new(RedisMessageCoordinator::connect(config.clone()).await.unwrap());
    let sending = RedisMessageCoordinator::connect(config).await.unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let mut plain = client.get_multiplexed_async_connection().await.unwrap();
    let from = AgentId::parse("planner").unwrap();
    let agents: Vec<_> =
        (0..count).map(|n| AgentId::parse(&format!("writer:w{n}")).unwrap()).collect();
    let (told, mut came) = mpsc::channel(count);
    let consumers: Vec<_> = agents
        .iter()
        .map(|agent| tokio::spawn(consume(Arc::clone(&receiving), agent.clone(), told.clone())))
        .collect();
    let (mut pings, mut times) = (Vec::new(), Vec::new());
    let mut foreign: Option<String> = None;
    for round in 0..ROUNDS + 20 {
        // Idle: whoever settles or registers is done.
        tokio::time::sleep(Duration::from_millis(3)).await;
        let began = Instant::now();
        redis::cmd("PING").query_async::<String>(&mut plain).await.unwrap();
        let ping = began.elapsed();
        tokio::time::sleep(Duration::from_millis(3)).await;
        let to = &agents[round * 7 % count];
        let message = message(&sending, &from, to);
        let began = Instant::now();
        match (by, &foreign) {
            (Producer::Foreign, Some(json)) => produce(&mut plain, to, json).await,
            _ => assert!(sending.send_message(&from, to, message).await.unwrap().delivered()),
        }
        let (at, json): (Instant, Option<String>) = came.recv().await.unwrap();
        foreign = json.or(foreign);
        if round >= 20 {
            pings.push(ping);
            times.push(at.duration_since(began));
        }
    }
    for consumer in consumers {
        consumer.abort();
    }
    report(&format!("{layout:8} {by:?}, {count:2} waiting"), pings, times);
}

fn report(what: &str, mut pings: Vec<Duration>, mut times: Vec<Duration>) {
    pings.sort_unstable();
    times.sort_unstable();
    let base = pings[ROUNDS / 2].as_secs_f64();
    let at = |share: usize| times[ROUNDS * share / 100].as_secs_f64() / base;
    println!(
        "{what:26}: p50 {:5.2} x, p99 {:5.2} x an idle PING of {:.0} us",
        at(50),
        at(99),
        base * 1e6
    );
}

/// The commands of a hand-over on the compact layout, without a check or a choice.
const HAND_OVER: &str = "
local time = redis.call('TIME')
redis.call('HLEN', KEYS[1])
redis.call('ZPOPMIN', KEYS[2])
redis.call('EXISTS', KEYS[3])
redis.call('HGET', KEYS[4], 'gate')
redis.call('HINCRBY', KEYS[4], 'fence', '1')
redis.call('PUBLISH', KEYS[7], 'token 1 ' .. time[1] .. ' ' .. ARGV[1])
redis.call('HINCRBY', KEYS[4], 'seq', '1')
redis.call('HSET', KEYS[1], '1', ARGV[1])
redis.call('HSET', KEYS[5], 'token', '1')
redis.call('ZADD', KEYS[6], time[1], 'token')
return 1";

async fn by_hand(server: &RealServer) {
    server.command(&["FLUSHALL"]).unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let mut plain = client.get_multiplexed_async_connection().await.unwrap();
    let mut heard = client.get_async_pubsub().await.unwrap();
    heard.subscribe("wake").await.unwrap();
    let mut heard = heard.into_on_message();
    let mut load = redis::cmd("SCRIPT");
    let digest: String = load.arg("LOAD").arg(HAND_OVER).query_async(&mut plain).await.unwrap();
    let text = "x".repeat(1000);
    let (mut pings, mut times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let began = Instant::now();
        redis::cmd("PING").query_async::<String>(&mut plain).await.unwrap();
        pings.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(3)).await;
        let began = Instant::now();
        let mut call = redis::cmd("EVALSHA");
        let keys = ["messages", "waiters", "ready", "meta", "reserved", "timers", "wake"];
        call.arg(&digest).arg(keys.len()).arg(&keys).arg(&text);
        call.query_async::<i64>(&mut plain).await.unwrap();
        heard.next().await.unwrap();
        times.push(began.elapsed());
    }
    report("by hand, 1 waiting", pings, times);
}

async fn consume(
    mail: Arc<RedisMessageCoordinator>,
    agent: AgentId,
    told: mpsc::Sender<(Instant, Option<String>)>,
) {
    loop {
        let received = mail.receive_wait(&agent, LONG, LONG).await.unwrap().unwrap();
        let json = received.token.envelope().map(|json| json.to_string());
        told.send((Instant::now(), json)).await.unwrap();
        mail.ack(&agent, &received.token).await.unwrap();
    }
}

fn message(mail: &RedisMessageCoordinator, from: &AgentId, to: &AgentId) -> AgentMessage {
    let payload = Payload::from_json(&format!("{{\"text\":\"{}\"}}", "x".repeat(700))).unwrap();
    let id = mail.new_message_id();
    AgentMessage::new(id, from.clone(), to.clone(), MessageType::Request).with_payload(payload)
}

async fn produce(connection: &mut MultiplexedConnection, to: &AgentId, json: &str) {
    let mailbox = to.mailbox_key();
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    pipeline.cmd("RPUSH").arg(format!("ao:queue:{mailbox}")).arg(json).ignore();
    let schedule = format!("ao:sched:{mailbox}:prio:5");
    pipeline.cmd("ZADD").arg(schedule).arg(1).arg(json).ignore();
    pipeline.query_async::<()>(connection).await.unwrap();
}
