//! What is handed to one who waits stands in Redis as what was received.

use std::time::{Duration, Instant};

use coord_core::{MailboxPolicy, MessageCoordinator, RateLimit, SendOptions, SendOutcome};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::fake_redis::Reply;
use coord_testkit::server::{Frame, RealCluster};

use crate::both::{Server, on_both};
use crate::cluster::Nodes;
use crate::harness::{At, LAYOUTS, LONG, World, agent, counts, fresh_prefix, reset_counts};

const TOKEN: &str = "res_0000000000000001";
/// For how long whoever waits gets a message.
const VISIBILITY: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_millis(100);

on_both! { still:
    it_is_reserved_and_counted,
    who_is_gone_is_passed_over,
    tta_it_does_not_overtake,
    compact_the_expired_are_passed_over,
    a_new_rate_starts_afresh,
}

on_both! { still alone: without_anybody_a_look_is_enough }

async fn mailbox(server: &Server, layout: KeyLayout) -> World {
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
    World::with(server, layout, policy).await
}

impl World {
    /// Somebody who waits, known by a lease as on a cluster: no connection has to listen for it.
    fn waits(&self, token: &str, until: Duration) {
        let entry = format!("{token} {} 0 @{}:wake:{token}", VISIBILITY.as_micros(), self.prefix);
        let until = until.as_micros().to_string();
        self.at.command(&["ZADD", &self.key("waiters"), &until, &entry]);
    }

    async fn send_so(
        &self,
        message: coord_core::AgentMessage,
        options: SendOptions,
    ) -> SendOutcome {
        let sent = self.mail.send_message_with(&self.from, &self.to, message, options).await;
        sent.expect("the message is valid").outcome
    }
}

/// With the wish `once` a message goes the general way of the script, without one the short way.
fn both_ways(once: SendOptions) -> impl Iterator<Item = (KeyLayout, SendOptions)> {
    LAYOUTS.into_iter().flat_map(move |layout| [(layout, once), (layout, SendOptions::new())])
}

async fn it_is_reserved_and_counted(server: &Server) {
    let once = SendOptions::new().with_dedup_window(Duration::from_secs(60));
    for (layout, options) in both_ways(once) {
        let world = mailbox(server, layout).await;
        world.waits(TOKEN, server.now() + LONG);
        let message = world.message("{}");
        let before = server.now();
        assert_eq!(world.send_so(message.clone(), options).await, SendOutcome::Accepted);
        let handed = before..=server.now();
        let stats = world.stats().await;
        assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1), "{layout}");
        assert_eq!(world.at.number(&["EXISTS", &world.key("waiters")]), 0, "{layout}");
        let deadlines = if layout == KeyLayout::Tta { "reserved_deadlines" } else { "timers" };
        let deadline = world.at.number(&["ZSCORE", &world.key(deadlines), TOKEN]);
        let deadline = Duration::from_micros(u64::try_from(deadline).expect("a time"));
        assert!(handed.contains(&(deadline - VISIBILITY)), "{layout}: {deadline:?}, {handed:?}");
        if options == once {
            assert_eq!(world.send_so(message, once).await, SendOutcome::Duplicate, "{layout}");
        }
        // The next reservation has the next fence, and the one before comes back in its time.
        world.send("{}").await;
        assert_eq!(world.receive().await.fence, 2, "{layout}");
        server.passes(VISIBILITY).await;
        assert_eq!(world.receive().await.fence, 3, "{layout}");
    }
}

/// Whose lease is over waits no longer: the next one gets it, on either way of the script.
async fn who_is_gone_is_passed_over(server: &Server) {
    let once = SendOptions::new().with_dedup_window(Duration::from_secs(60));
    for (layout, options) in both_ways(once) {
        let world = mailbox(server, layout).await;
        let late = "res_0000000000000002";
        let now = server.now();
        world.waits(TOKEN, now);
        world.waits(late, now + server.a_while());
        world.send_so(world.message("{}"), options).await;
        let reserved = world.key("reserved");
        assert_eq!(world.at.number(&["HEXISTS", &reserved, TOKEN]), 0, "{layout}");
        assert_eq!(world.at.number(&["HEXISTS", &reserved, late]), 1, "{layout}");
        assert_eq!(world.at.number(&["EXISTS", &world.key("waiters")]), 0, "{layout}");
    }
}

/// What fell due earlier goes first.
async fn tta_it_does_not_overtake(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let delayed = SendOptions::new().with_delay(SOON);
    let early = world.message("{}");
    assert_eq!(world.send_so(early.clone(), delayed).await, SendOutcome::Accepted);
    world.waits(TOKEN, server.now() + LONG);
    server.passes(SOON).await;
    let late = world.send("{}").await;
    let Frame::Bulk(json) = world.at.command(&["HGET", &world.key("reserved"), TOKEN]) else {
        panic!("nothing was handed over");
    };
    let json = String::from_utf8_lossy(&json).into_owned();
    assert!(json.contains(early.message_id.as_str()), "{json}");
    assert_eq!(world.receive().await.queue_message.message.message_id, late);
}

/// What expired while it waited is not handed over, and holds no place any more.
async fn compact_the_expired_are_passed_over(server: &Server) {
    let world = mailbox(server, KeyLayout::Compact).await;
    let short = SendOptions::new().with_expires_in(SOON);
    assert_eq!(world.send_so(world.message("{}"), short).await, SendOutcome::Accepted);
    server.passes(SOON).await;
    world.waits(TOKEN, server.now() + LONG);
    world.send("{}").await;
    let stats = world.stats().await;
    assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1));
    assert_eq!(world.at.number(&["HLEN", &world.key("messages")]), 1);
}

/// Where nobody waits, a send looks for that once and for nothing else.
async fn without_anybody_a_look_is_enough(server: &Server) {
    for layout in LAYOUTS {
        let world = mailbox(server, layout).await;
        world.send("{}").await;
        let mut raw = world.raw();
        // A plain one looks for the first, one with a wish whether there is any.
        let wish = SendOptions::new().with_dedup_window(Duration::from_secs(60));
        for (options, looks) in [(SendOptions::new(), (0, 1)), (wish, (1, 0))] {
            reset_counts(&mut raw);
            world.send_so(world.message("{}"), options).await;
            let counts = counts(&mut raw);
            let count = |name: &str| counts.get(name).copied().unwrap_or_default();
            let counted = (count("EXISTS"), count("ZRANGE"));
            assert_eq!(counted, looks, "{layout}: {counts:?}");
        }
    }
}

/// A new rate knows nothing of what passed under the old one.
async fn a_new_rate_starts_afresh(server: &Server) {
    for layout in LAYOUTS {
        let world = mailbox(server, layout).await;
        for _ in 0..3 {
            world.send("{}").await;
        }
        let rate = RateLimit::new(1, Duration::from_secs(600)).expect("it is valid");
        for _ in 0..2 {
            world.mail.limit_rate(&world.to, Some(rate)).await.expect("limiting works");
            world.receive().await;
            assert!(world.maybe_receive().await.is_none(), "{layout}");
        }
    }
}

/// On a cluster a registration holds for a time.
mod on_a_cluster_there_is_a_lease {
    use super::*;

    #[tokio::test]
    async fn fake() {
        let nodes = Nodes::fake().await;
        let Nodes::Fake(cluster) = &nodes else { unreachable!("it is the fake") };
        let prefix = fresh_prefix();
        let config = nodes.config(KeyLayout::Compact, &prefix);
        who_waits_is_registered(config, &prefix, |key| {
            cluster.command(["ZCARD", key]) == Reply::Integer(1)
        })
        .await;
    }

    #[tokio::test]
    async fn real() {
        let name = "on_a_cluster_there_is_a_lease";
        let Some(cluster) = RealCluster::start_or_ignore(name, 1) else { return };
        let at = At::from(&cluster.nodes()[0]);
        // It tells clients where to find it: there, where its scripts may be broken.
        at.command(&["CONFIG", "SET", "cluster-announce-port", &at.port.to_string()]);
        let prefix = fresh_prefix();
        let config = RedisConfig::from_cluster_urls(&[&at.url]).expect("a valid URL");
        let config = config.with_prefix(&prefix).expect("a valid prefix");
        who_waits_is_registered(config, &prefix, |key| at.number(&["ZCARD", key]) == 1).await;
    }

    async fn who_waits_is_registered(
        config: RedisConfig,
        prefix: &str,
        there_is_one: impl Fn(&str) -> bool,
    ) {
        let mail = RedisMessageCoordinator::connect(config).await.expect("the cluster is there");
        let to = agent("writer:w1");
        let key = format!("{prefix}:{{writer:w1}}:waiters");
        let began = Instant::now();
        let registered = async {
            while !there_is_one(&key) {
                assert!(began.elapsed() < Duration::from_secs(30), "nobody waits");
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = mail.receive_wait(&to, LONG, LONG) => panic!("woken by nothing"),
            () = registered => {}
        }
    }
}
