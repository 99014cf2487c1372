//! Subscriptions between processes, and how publishing finds subscribers.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coord_core::{
    AgentMessage, Filter, MailboxPolicy, MessageCoordinator, MessageSubscription, MessageType,
    NullMetrics, SendOptions,
};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::server::Frame;

use crate::both::{Server, on_both};
use crate::harness::{
    At, LAYOUTS, World, agent, config, counts, private, reset_counts, server_time_passes, shared,
};

const EVENT: [MessageType; 1] = [MessageType::Event];
/// The default lease.
const LEASE: Duration = Duration::from_secs(60);

on_both! { still:
    handles_are_counted_across_processes,
    the_handle_of_a_killed_process_lapses,
    subscriptions_of_the_original_are_found,
    stale_entries_of_the_index_go,
    handles_of_one_agent_are_bounded,
}

async fn subscribe(mail: &RedisMessageCoordinator, who: &str) -> MessageSubscription {
    mail.subscribe_to_messages(&agent(who), &EVENT).await.expect("subscribes")
}

fn event(world: &World) -> AgentMessage {
    let mut message = world.message("{}");
    message.message_type = MessageType::Event;
    message
}

/// Whom an event reaches.
async fn reached(world: &World) -> Vec<String> {
    let published = world.mail.publish(&world.from, event(world), SendOptions::new()).await;
    published.expect("publishes").recipients().map(ToString::to_string).collect()
}

/// The reader is reached, if not now then after its next renewal: on a busy machine one may come
/// late.
async fn reader_is_reached_soon(world: &World) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while reached(world).await != ["reader"] {
        assert!(Instant::now() < give_up, "nobody renews it");
        server_time_passes(&world.at, Duration::from_millis(5)).await;
    }
}

fn subs(world: &World, mailbox: &str) -> String {
    match world.layout {
        KeyLayout::Compact => format!("{}:{{{mailbox}}}:subs", world.prefix),
        KeyLayout::Tta => format!("{}:subs:{mailbox}", world.prefix),
    }
}

fn index(world: &World) -> String {
    format!("{}:subscribers:event", world.prefix)
}

fn members(at: &At, key: &str) -> Vec<String> {
    let found = at.command(&["SMEMBERS", key]);
    let (Frame::Array(found) | Frame::Set(found)) = found else { panic!("{found:?}") };
    let text = |item: Frame| match item {
        Frame::Bulk(bytes) => String::from_utf8(bytes).expect("text"),
        other => panic!("{other:?}"),
    };
    let mut found: Vec<String> = found.into_iter().map(text).collect();
    found.sort();
    found
}

/// A handle in each of two processes: the type stays until both are gone.
async fn handles_are_counted_across_processes(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let other = world.another().await;
        let here = subscribe(&world.mail, "reader").await;
        let there = subscribe(&other, "reader").await;
        here.close().await.unwrap();
        assert_eq!(reached(&world).await, ["reader"]);
        there.close().await.unwrap();
        assert_eq!(members(&world.at, &subs(&world, "reader:default")), [""; 0]);
        assert_eq!(members(&world.at, &index(&world)), [""; 0], "the index is left, too");
        assert!(reached(&world).await.is_empty());
        let keys = world.at.command(&["KEYS", &format!("{}:*holders*", world.prefix)]);
        assert_eq!(keys, Frame::Array(Vec::new()));
    }
}

/// What a killed process held lapses with its lease; what a living one or a left one holds stays.
async fn the_handle_of_a_killed_process_lapses(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let killed = {
            let (at, prefix) = (world.at.clone(), world.prefix.clone());
            // A runtime that ends without a word, as a process does that is killed.
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    let policy = MailboxPolicy::new();
                    let mail = crate::harness::connect(&at.url, layout, &prefix, policy).await;
                    for who in ["reader", "writer"] {
                        std::mem::forget(subscribe(&mail, who).await);
                    }
                });
                runtime.shutdown_background();
            })
        };
        killed.join().unwrap();
        subscribe(&world.mail, "writer").await.leave().await.unwrap();
        assert_eq!(reached(&world).await, ["reader", "writer"]);
        let leases = world.at.texts(&["KEYS", &format!("{}:*holders*", world.prefix)]);
        server.ages(&leases, LEASE - server.a_while()).await;
        assert_eq!(reached(&world).await, ["reader", "writer"]);
        server.ages(&leases, server.a_while()).await;
        assert_eq!(reached(&world).await, ["writer"]);
        assert_eq!(members(&world.at, &subs(&world, "reader:default")), [""; 0]);
        assert_eq!(
            members(&world.at, &index(&world)),
            ["writer:default"],
            "it was met and dropped"
        );
        // The next handle of the agent ends it as well.
        assert_eq!(members(&world.at, &subs(&world, "writer:default")), ["event"]);
    }
}

/// What a subscriber process is told: server, layout and prefix.
const ROLE: &str = "COORD_TEST_SUBSCRIBER";
/// The lease of subscriber processes.
const SHORT: Duration = Duration::from_millis(300);

/// A process that holds a subscription: this very test binary. It lives until it is killed, or
/// until its input ends.
struct Subscriber {
    child: Child,
    /// The test harness in it goes on writing.
    out: BufReader<ChildStdout>,
}

impl Subscriber {
    fn start(world: &World) -> Self {
        let binary = std::env::current_exe().expect("a test knows its binary");
        let mut command = Command::new(binary);
        command.args(["publish::subscriber_process", "--exact", "--nocapture"]);
        command.env(ROLE, format!("{} {} {}", world.at.url, world.layout, world.prefix));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while line != "subscribed\n" {
            line.clear();
            let read = out.read_line(&mut line).expect("it can be read");
            assert!(read > 0, "it ended before it subscribed");
        }
        Self { child, out }
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is gone");
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.out.read_to_end(&mut Vec::new()).expect("it can be read");
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// The body of a subscriber process; nothing at all as an ordinary test.
#[tokio::test]
async fn subscriber_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let [url, layout, prefix] = words[..] else { panic!("odd role {role:?}") };
    let config = config(url, layout.parse().expect("a layout"), prefix);
    let config = config.with_subscription_lease(SHORT).expect("a lease");
    let mail = RedisMessageCoordinator::connect(config).await.expect("the server is there");
    let handle = subscribe(&mail, "reader").await;
    // The test harness leaves its own line open.
    std::io::stdout().write_all(b"\nsubscribed\n").expect("the parent reads");
    let until_told = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(until_told).await.expect("no panic").expect("it can be read");
    handle.close().await.expect("closes");
}

/// Of two processes with a handle each, the type outlives a kill of one, and goes with the other,
/// whether that ends properly or is killed as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_leave_nothing() {
    let Some(server) = shared("killed_processes_leave_nothing") else { return };
    for (layout, is_killed) in [(KeyLayout::Compact, true), (KeyLayout::Tta, false)] {
        let world = World::new(&*server, layout).await;
        let (one, other) = (Subscriber::start(&world), Subscriber::start(&world));
        reader_is_reached_soon(&world).await;
        one.kill();
        server_time_passes(&world.at, 2 * SHORT).await;
        reader_is_reached_soon(&world).await;
        if is_killed {
            other.kill();
            server_time_passes(&world.at, 2 * SHORT).await;
        } else {
            other.end();
        }
        assert!(reached(&world).await.is_empty(), "{layout}");
        assert_eq!(members(&world.at, &subs(&world, "reader:default")), [""; 0]);
    }
}

/// Leases are renewed while the handle lives, and restore what a flushed server has lost.
#[tokio::test]
async fn a_living_handle_is_renewed() {
    let Some(server) = private("a_living_handle_is_renewed") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        let lease = Duration::from_millis(200);
        let config = config(&world.at.url, layout, &world.prefix);
        let config = config.with_subscription_lease(lease).unwrap();
        let policy = MailboxPolicy::new();
        let mail = RedisMessageCoordinator::connect_with(config, policy, Arc::new(NullMetrics));
        let mail = mail.await.unwrap();
        let handle = subscribe(&mail, "reader").await;
        server_time_passes(&world.at, 5 * lease).await;
        reader_is_reached_soon(&world).await;
        world.at.command(&["FLUSHALL"]);
        reader_is_reached_soon(&world).await;
        handle.close().await.unwrap();
        assert!(reached(&world).await.is_empty());
        server_time_passes(&world.at, lease).await;
        assert!(reached(&world).await.is_empty(), "a renewal came after the end");
    }
}

/// The original writes the set of types and knows no index: its agents are reached all the same,
/// and what it recorded outlives every handle of ours.
async fn subscriptions_of_the_original_are_found(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    let mut raw = world.raw();
    for (who, kind) in [("python:p1", "event"), ("python:p2", "request"), ("mixed:m", "event")] {
        raw.checked(&["SADD", &subs(&world, who), kind]).unwrap();
    }
    let pattern = Filter::any().with_topic("a".parse().unwrap());
    let mixed = agent("mixed:m");
    let ours = world.mail.subscribe_to_messages_with(&mixed, &EVENT, pattern).await.unwrap();
    assert_eq!(reached(&world).await, ["mixed:m", "python:p1"], "it asked for no topic");
    ours.close().await.unwrap();
    assert_eq!(reached(&world).await, ["mixed:m", "python:p1"]);
    let requests = world.mail.publish(&world.from, world.message("{}"), SendOptions::new()).await;
    let requests = requests.unwrap();
    assert_eq!(requests.recipients().map(ToString::to_string).collect::<Vec<_>>(), ["python:p2"]);
    // Its keys are its own: nothing of ours is left beside them.
    let keys = world.at.command(&["KEYS", &format!("{}:holders*", world.prefix)]);
    assert_eq!(keys, Frame::Array(Vec::new()));
}

/// An entry of the index whose agent does not want the type goes when it is met.
async fn stale_entries_of_the_index_go(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let handle = subscribe(&world.mail, "reader").await;
        world.at.command(&["SADD", &index(&world), "ghost:default", "odd"]);
        assert_eq!(reached(&world).await, ["reader"]);
        let left = members(&world.at, &index(&world));
        assert_eq!(left, ["odd", "reader:default"], "what is no agent harms nobody");
        handle.close().await.unwrap();
    }
}

/// An agent has a bounded number of handles.
async fn handles_of_one_agent_are_bounded(server: &Server) {
    let world = World::new(server, KeyLayout::Compact).await;
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(subscribe(&world.mail, "reader").await);
    }
    let refused = world.mail.subscribe_to_messages(&agent("reader"), &EVENT).await;
    match refused.map(|handle| handle.subscription_id.clone()) {
        Err(coord_core::AdminError::Invalid(error)) => assert_eq!(error.field(), "subscriptions"),
        other => panic!("{other:?}"),
    }
    held.pop().unwrap().close().await.unwrap();
    subscribe(&world.mail, "reader").await.leave().await.unwrap();
    for handle in held {
        handle.close().await.unwrap();
    }
    assert_eq!(reached(&world).await, ["reader"], "what was left is still there");
}

/// Publishing to n subscribers costs one look at the index, n small looks and n sends.
#[tokio::test]
async fn publishing_scans_nothing() {
    let Some(server) = private("publishing_scans_nothing") else { return };
    let world = World::new(&server, KeyLayout::Compact).await;
    let mut held = Vec::new();
    for number in 0..20 {
        held.push(subscribe(&world.mail, &format!("reader:r{number}")).await);
    }
    assert_eq!(reached(&world).await.len(), 20);
    let mut raw = world.raw();
    for number in 0..1000 {
        raw.checked(&["SET", &format!("{}:other:{number}", world.prefix), "x"]).unwrap();
    }
    reset_counts(&mut raw);
    assert_eq!(reached(&world).await.len(), 20);
    let counts = counts(&mut raw);
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!(count("EVALSHA"), 40, "{counts:?}");
    assert_eq!((count("SMEMBERS"), count("SISMEMBER")), (1, 20), "{counts:?}");
    assert_eq!((count("SCAN"), count("KEYS"), count("EVAL")), (0, 0, 0), "{counts:?}");
    drop(held);
}

/// A type has a bounded number of subscribers; those that are gone make room, and all of them are
/// reached by one publication.
#[tokio::test]
async fn subscribers_of_one_type_are_bounded() {
    const MOST: usize = 10_000;
    let Some(server) = shared("subscribers_of_one_type_are_bounded") else { return };
    let world = World::new(&*server, KeyLayout::Compact).await;
    // As so many agents that left their subscription would.
    let script = "for i = 1, ARGV[2] do
        redis.call('SADD', ARGV[1] .. ':{many:' .. i .. '}:subs', 'event')
        redis.call('SADD', ARGV[1] .. ':subscribers:event', 'many:' .. i)
      end";
    world.at.command(&["EVAL", script, "0", &world.prefix, &MOST.to_string()]);
    let refused = world.mail.subscribe_to_messages(&agent("reader"), &EVENT).await;
    match refused.map(|handle| handle.subscription_id.clone()) {
        Err(coord_core::AdminError::Invalid(error)) => assert_eq!(error.field(), "subscribers"),
        other => panic!("{other:?}"),
    }
    assert_eq!(members(&world.at, &index(&world)).len(), MOST);
    assert_eq!(members(&world.at, &subs(&world, "reader:default")), [""; 0]);
    world.at.command(&["DEL", &subs(&world, "many:7")]);
    let handle = subscribe(&world.mail, "reader").await;
    let published = world.mail.publish(&world.from, event(&world), SendOptions::new()).await;
    let published = published.expect("publishes");
    assert_eq!((published.results.len(), published.delivered()), (MOST, MOST));
    assert!(!published.recipients().any(|agent| *agent == crate::harness::agent("many:7")));
    handle.close().await.unwrap();
}
