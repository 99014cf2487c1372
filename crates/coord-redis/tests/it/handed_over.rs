//! What is handed to one who waits stands in Redis as what was received.

use std::time::{Duration, Instant};

use coord_core::{MailboxPolicy, MessageCoordinator, RateLimit, SendOptions, SendOutcome};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::Clock;
use coord_testkit::fake_redis::Reply;
use coord_testkit::server::Frame;

use crate::cluster::Nodes;
use crate::harness::{At, Fake, LAYOUTS, LONG, World, agent, fresh_prefix};

const START: Duration = Duration::from_secs(1_767_225_600);
const TOKEN: &str = "res_0000000000000001";

async fn still(layout: KeyLayout) -> (Fake, World) {
    let fake = Fake::start(Clock::manual(START));
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
    let world = World::with(At::from(&fake), layout, policy).await;
    (fake, world)
}

impl World {
    /// Somebody who waits, known by a lease as on a cluster: no connection has to listen for it.
    fn waits(&self, token: &str, until: Duration) {
        let entry = format!("{token} 60000000 0 @{}:wake:{token}", self.prefix);
        let until = until.as_micros().to_string();
        self.at.command(&["ZADD", &self.key("waiters"), &until, &entry]);
    }

    fn number(&self, args: &[&str]) -> i64 {
        match self.at.command(args) {
            Frame::Integer(number) => number,
            Frame::Bulk(digits) => String::from_utf8_lossy(&digits).parse().expect("a number"),
            other => panic!("{args:?}: {other:?}"),
        }
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

#[tokio::test]
async fn it_is_reserved_and_counted() {
    for layout in LAYOUTS {
        let (fake, world) = still(layout).await;
        world.waits(TOKEN, START * 2);
        let message = world.message("{}");
        let once = SendOptions::new().with_dedup_window(Duration::from_secs(60));
        assert_eq!(world.send_so(message.clone(), once).await, SendOutcome::Accepted);
        let stats = world.stats().await;
        assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1), "{layout}");
        assert_eq!(world.number(&["EXISTS", &world.key("waiters")]), 0, "{layout}");
        let deadlines = if layout == KeyLayout::Tta { "reserved_deadlines" } else { "timers" };
        let deadline = world.number(&["ZSCORE", &world.key(deadlines), TOKEN]);
        let wanted = START + Duration::from_secs(60);
        assert_eq!(u128::try_from(deadline), Ok(wanted.as_micros()), "{layout}");
        assert_eq!(world.send_so(message, once).await, SendOutcome::Duplicate, "{layout}");
        // The next reservation has the next fence, and the one before comes back in its time.
        world.send("{}").await;
        assert_eq!(world.receive().await.fence, 2, "{layout}");
        fake.server.advance(Duration::from_secs(60));
        assert_eq!(world.receive().await.fence, 3, "{layout}");
    }
}

/// Whose lease is over waits no longer: the next one gets it.
#[tokio::test]
async fn who_is_gone_is_passed_over() {
    for layout in LAYOUTS {
        let (_fake, world) = still(layout).await;
        let late = "res_0000000000000002";
        world.waits(TOKEN, START);
        world.waits(late, START + Duration::from_micros(1));
        world.send("{}").await;
        let reserved = world.key("reserved");
        assert_eq!(world.number(&["HEXISTS", &reserved, TOKEN]), 0, "{layout}");
        assert_eq!(world.number(&["HEXISTS", &reserved, late]), 1, "{layout}");
        assert_eq!(world.number(&["EXISTS", &world.key("waiters")]), 0, "{layout}");
    }
}

/// What fell due earlier goes first.
#[tokio::test]
async fn tta_it_does_not_overtake() {
    let (fake, world) = still(KeyLayout::Tta).await;
    let delayed = SendOptions::new().with_delay(Duration::from_secs(1));
    let early = world.message("{}");
    assert_eq!(world.send_so(early.clone(), delayed).await, SendOutcome::Accepted);
    world.waits(TOKEN, START * 2);
    fake.server.advance(Duration::from_secs(1));
    let late = world.send("{}").await;
    let Frame::Bulk(json) = world.at.command(&["HGET", &world.key("reserved"), TOKEN]) else {
        panic!("nothing was handed over");
    };
    let json = String::from_utf8_lossy(&json).into_owned();
    assert!(json.contains(early.message_id.as_str()), "{json}");
    assert_eq!(world.receive().await.queue_message.message.message_id, late);
}

/// What expired while it waited is not handed over, and holds no place any more.
#[tokio::test]
async fn compact_the_expired_are_passed_over() {
    let (fake, world) = still(KeyLayout::Compact).await;
    let short = SendOptions::new().with_expires_in(Duration::from_secs(1));
    assert_eq!(world.send_so(world.message("{}"), short).await, SendOutcome::Accepted);
    fake.server.advance(Duration::from_secs(1));
    world.waits(TOKEN, START * 2);
    world.send("{}").await;
    let stats = world.stats().await;
    assert_eq!((stats.reserved, stats.ready.total(), stats.depth), (1, 0, 1));
    assert_eq!(world.number(&["HLEN", &world.key("messages")]), 1);
}

/// A new rate knows nothing of what passed under the old one.
#[tokio::test]
async fn a_new_rate_starts_afresh() {
    for layout in LAYOUTS {
        let (_fake, world) = still(layout).await;
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
#[tokio::test]
async fn on_a_cluster_there_is_a_lease() {
    let nodes = Nodes::fake().await;
    let Nodes::Fake(cluster) = &nodes else { unreachable!("it is the fake") };
    let prefix = fresh_prefix();
    let config = nodes.config(KeyLayout::Compact, &prefix);
    let mail = RedisMessageCoordinator::connect(config).await.expect("the cluster is there");
    let to = agent("writer:w1");
    let key = format!("{prefix}:{{writer:w1}}:waiters");
    let began = Instant::now();
    let registered = async {
        while cluster.command(["ZCARD", &key]) != Reply::Integer(1) {
            assert!(began.elapsed() < Duration::from_secs(30), "nobody waits");
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = mail.receive_wait(&to, LONG, LONG) => panic!("woken by nothing"),
        () = registered => {}
    }
}
