//! Sends that wait for replicas: confirmed, not confirmed, refused are three different answers.

use std::time::{Duration, Instant};

use coord_core::{
    Durability, MailboxPolicy, MessageCoordinator, MessageId, SendError, SendOptions, SendOutcome,
};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::FakeRedis;
use coord_testkit::server::RealServer;

use crate::cluster::Nodes;
use crate::harness::{Fake, LAYOUTS, LONG, World, fresh_prefix, private};
use coord_testkit::Clock;

fn replicas(count: u32, within: Duration) -> SendOptions {
    SendOptions::new().with_durability(Durability::Replicas { count, within })
}

const SHORT: Duration = Duration::from_millis(50);

async fn send(world: &World, options: SendOptions) -> (MessageId, SendOutcome) {
    let message = world.message("{}");
    let sent = world.mail.send_message_with(&world.from, &world.to, message, options).await;
    let sent = sent.expect("the message is valid");
    (sent.message_id, sent.outcome)
}

fn unconfirmed(wanted: u32) -> SendOutcome {
    SendOutcome::Unconfirmed { confirmed: 0, wanted }
}

/// A server with a replica that is in step.
fn with_replica(name: &str) -> Option<(RealServer, RealServer)> {
    let master = private(name)?;
    let replica = RealServer::builder()
        .arg("--replicaof")
        .arg(format!("127.0.0.1 {}", master.port()))
        .arg("--repl-diskless-sync-delay")
        .arg("0")
        .start_or_ignore(name)?;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let role = format!("{:?}", replica.command(&["ROLE"]).expect("ROLE"));
        let connected = format!("{:?}", coord_testkit::server::Frame::Bulk(b"connected".to_vec()));
        if role.contains(&connected) {
            return Some((master, replica));
        }
        assert!(Instant::now() < end, "the replica is not in step: {role}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn replicas_confirm_or_they_do_not() {
    let Some((master, mut replica)) = with_replica("replicas_confirm") else { return };
    for layout in LAYOUTS {
        let world = World::new(&master, layout).await;
        let (first, outcome) = send(&world, replicas(1, LONG)).await;
        assert_eq!(outcome, SendOutcome::Accepted, "{layout}");
        let (second, outcome) = send(&world, replicas(2, SHORT)).await;
        assert_eq!(outcome, SendOutcome::Unconfirmed { confirmed: 1, wanted: 2 }, "{layout}");

        replica.pause().unwrap();
        let asked = Instant::now();
        let options = replicas(1, SHORT).with_dedup_window(LONG);
        let message = world.message("{}");
        let third = message.message_id.clone();
        for time in ["sent", "sent again"] {
            let message = message.clone();
            let sent = world.mail.send_message_with(&world.from, &world.to, message, options).await;
            // A duplicate wrote nothing, but what it repeats is not confirmed either.
            assert_eq!(sent.unwrap().outcome, unconfirmed(1), "{layout}: {time}");
        }
        assert!(asked.elapsed() >= 2 * SHORT, "it waited");
        // Nobody else waits meanwhile.
        let patient = tokio::spawn({
            let (mail, message) = (world.mail.clone(), world.message("{}"));
            let (from, to) = (world.from.clone(), world.to.clone());
            async move {
                let options = replicas(1, LONG);
                mail.send_message_with(&from, &to, message, options).await.unwrap()
            }
        });
        for _ in 0..20 {
            world.stats().await;
        }
        assert!(!patient.is_finished(), "{layout}");
        replica.resume().unwrap();
        let fourth = patient.await.unwrap();
        assert_eq!(fourth.outcome, SendOutcome::Accepted, "{layout}");

        // Whatever was answered, each message is there once.
        let mut left = Vec::new();
        while let Some(held) = world.maybe_receive().await {
            left.push(held.queue_message.message.message_id);
        }
        assert_eq!(left, [first, second, third, fourth.message_id], "{layout}");
    }
}

#[tokio::test]
async fn a_refusal_is_no_lack_of_replicas() {
    let fake = Fake::start(Clock::system());
    for layout in LAYOUTS {
        let policy = MailboxPolicy::new().with_queue_size(1);
        let world = World::with(&fake, layout, policy).await;
        assert_eq!(send(&world, replicas(1, SHORT)).await.1, unconfirmed(1), "{layout}");
        let (_, refused) = send(&world, replicas(1, SHORT)).await;
        assert!(matches!(refused, SendOutcome::Refused(_)), "{layout}: {refused:?}");
        for bad in [replicas(0, SHORT), replicas(1, Duration::ZERO)] {
            let sent = world
                .mail
                .send_message_with(&world.from, &world.to, world.message("{}"), bad)
                .await;
            let Err(SendError::Invalid(error)) = sent else { panic!("{sent:?}") };
            assert!(error.to_string().contains("durability"), "{error}");
        }
        // The fake is a Redis 7.0.
        let disk = SendOptions::new().with_durability(Durability::Aof { within: SHORT });
        let message = world.message("{}");
        let sent = world.mail.send_message_with(&world.from, &world.to, message, disk).await;
        let Err(SendError::Unsupported(error)) = sent else { panic!("{sent:?}") };
        assert!(error.to_string().contains("7.2"), "{error}");
        assert_eq!(world.stats().await.depth, 1, "{layout}");
    }
}

/// Batches and forwards wait once for all that they write.
#[tokio::test]
async fn batches_and_forwards_wait_too() {
    let fake = Fake::start(Clock::system());
    for layout in LAYOUTS {
        let world = World::new(&fake, layout).await;
        let batch = vec![
            (world.message("{}"), SendOptions::new()),
            (world.message("{}"), replicas(1, SHORT)),
        ];
        let sent = world.mail.send_batch(&world.from, &world.to, batch).await.unwrap();
        let outcomes: Vec<_> = sent.iter().map(|sent| sent.outcome).collect();
        assert_eq!(outcomes, [unconfirmed(1); 2], "{layout}: the strictest counts for all");
        let held = world.receive().await;
        let (to, options) = (world.from.clone(), replicas(3, SHORT));
        let message = world.message("{}");
        let sent = world.mail.forward(&world.to, &held.token, &to, message, options).await;
        assert_eq!(sent.unwrap().outcome, unconfirmed(3), "{layout}");
        assert_eq!(world.mail.mailbox_stats(&to).await.unwrap().depth, 1, "{layout}");
    }
}

/// The fake's replica confirms until it is the master; connections of before are not used again.
#[tokio::test]
async fn a_failover_between_two_sends_is_followed() {
    let server = FakeRedis::sentinel().await.unwrap();
    let url = server.sentinel_url().unwrap();
    let config = RedisConfig::from_sentinel_urls(server.master_name(), &[&url]).unwrap();
    let mail = RedisMessageCoordinator::connect(config).await.unwrap();
    let (from, to) = (crate::harness::agent("planner"), crate::harness::agent("writer"));
    for number in 0..4 {
        let message = coord_core::AgentMessage::new(
            mail.new_message_id(),
            from.clone(),
            to.clone(),
            coord_core::MessageType::Event,
        );
        let sent = mail.send_message_with(&from, &to, message, replicas(1, LONG)).await;
        assert_eq!(sent.unwrap().outcome, SendOutcome::Accepted, "{number}");
        assert_eq!(server.fail_over(0), 0);
    }
    assert_eq!(mail.mailbox_stats(&to).await.unwrap().depth, 4);
}

/// On a cluster the wait is at the node that has the mailbox, also after it moved.
#[tokio::test]
async fn on_a_cluster_the_owner_is_asked() {
    let nodes = Nodes::fake().await;
    let Nodes::Fake(cluster) = &nodes else { unreachable!("it is the fake") };
    let config = nodes.config(KeyLayout::Compact, &fresh_prefix());
    let mail = RedisMessageCoordinator::connect(config).await.unwrap();
    let (from, to) = (crate::harness::agent("planner"), crate::harness::agent("writer"));
    let slot = FakeRedis::slot("{writer:default}");
    for moves in 0..3 {
        let message = coord_core::AgentMessage::new(
            mail.new_message_id(),
            from.clone(),
            to.clone(),
            coord_core::MessageType::Event,
        );
        let sent = mail.send_message_with(&from, &to, message, replicas(1, SHORT)).await;
        assert_eq!(sent.unwrap().outcome, unconfirmed(1), "after {moves} moves");
        let owner = cluster.slot_owner(slot).unwrap();
        assert!(cluster.begin_slot_migration(slot, (owner + 1) % 3));
        assert!(cluster.finish_slot_migration(slot));
    }
    assert_eq!(mail.mailbox_stats(&to).await.unwrap().depth, 3);
}
