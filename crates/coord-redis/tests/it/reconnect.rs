//! A server that forgets scripts, hangs, dies, comes back, or is emptied.

use std::time::Duration;

use coord_core::{
    BackendError, BackendErrorKind, FailureType, MailboxPolicy, MessageCoordinator, ReceiveError,
    SendError, SendOptions, SendOutcome,
};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::server::{Frame, RealServer};
use std::sync::Arc;

use crate::harness::{At, LAYOUTS, LONG, World, agent, config, private};

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let Some(server) = private("forgotten_scripts_are_loaded_again") else { return };
    for layout in LAYOUTS {
        let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
        let world = World::with(&server, layout, policy).await;
        let flush = || drop(world.at.command(&["SCRIPT", "FLUSH"]));
        let id = world.send("{}").await;
        flush();
        let second = world.send("{}").await;
        flush();
        let token = world.receive().await.token;
        flush();
        world.mail.extend(&world.to, &token, LONG).await.unwrap();
        flush();
        world.mail.release(&world.to, &token).await.unwrap();
        flush();
        let received = world.receive().await;
        flush();
        world.mail.nack(&world.to, &received.token, FailureType::Transient, None).await.unwrap();
        flush();
        world.mail.recover_pending(None).await.unwrap();
        flush();
        let mut left = vec![id, second];
        while let Some(received) = world.maybe_receive().await {
            flush();
            world.mail.ack(&world.to, &received.token).await.unwrap();
            flush();
            left.retain(|id| *id != received.queue_message.message.message_id);
        }
        assert!(left.is_empty(), "{left:?}");
        flush();
        assert_eq!(world.stats().await.depth, 0);
    }
}

/// The operation that finds the connection broken may fail; the one after works.
#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let builder = RealServer::builder().append_only();
    let Some(mut server) = builder.start_or_ignore("a_restarted_server") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        let kept = world.send("{\"kept\":true}").await;
        server.restart().unwrap();
        let extra = match world.mail.send_message(&world.from, &world.to, world.message("{}")).await
        {
            Ok(sent) => u64::from(sent.delivered()),
            Err(SendError::Backend(error)) => {
                assert_broken(&error);
                0
            }
            Err(other) => panic!("{other:?}"),
        };
        let received = world.receive().await;
        assert_eq!(received.queue_message.message.message_id, kept, "{layout}: it was stored");
        server.restart().unwrap();
        if let Err(error) = world.mail.ack(&world.to, &received.token).await {
            let coord_core::SettleError::Backend(error) = error else { panic!("{error:?}") };
            assert_broken(&error);
            world.mail.ack(&world.to, &received.token).await.unwrap();
        }
        assert_eq!(world.stats().await.depth, extra, "{layout}");
    }
}

fn assert_broken(error: &BackendError) {
    let kind = error.kind();
    assert!(
        matches!(kind, BackendErrorKind::OutcomeUnknown | BackendErrorKind::Unreachable),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_dead_server_is_unreachable_until_it_is_back() {
    let builder = RealServer::builder().append_only();
    let Some(mut server) = builder.start_or_ignore("a_dead_server") else { return };
    let world = World::new(&server, KeyLayout::Compact).await;
    let id = world.send("{}").await;
    server.kill().unwrap();
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let failed = world.mail.receive(&world.to, LONG).await;
        let Err(ReceiveError::Backend(error)) = failed else { panic!("{failed:?}") };
        kinds.push(error.kind());
    }
    // The first may have been under way; those after it certainly did not reach anybody.
    assert_eq!(kinds[1..], [BackendErrorKind::Unreachable; 2], "{kinds:?}");
    server.restart().unwrap();
    assert_eq!(world.receive().await.queue_message.message.message_id, id);
}

/// A reply that never comes leaves the outcome unknown; with a dedup window a repeat is safe.
#[tokio::test]
async fn a_hanging_server_leaves_the_outcome_unknown() {
    let Some(mut server) = private("a_hanging_server") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        let config = config(&world.at.url, layout, &world.prefix);
        let short = Duration::from_millis(100);
        let config = config.with_response_timeout(short).with_connect_timeout(short);
        let mail = RedisMessageCoordinator::connect(config).await.unwrap();
        let options = SendOptions::new().with_dedup_window(Duration::from_secs(60));
        let message = world.message("{}");
        mail.mailbox_stats(&world.to).await.unwrap();
        server.pause().unwrap();
        // Longer than one connection is trusted to be silent.
        for _ in 0..5 {
            let sent =
                mail.send_message_with(&world.from, &world.to, message.clone(), options).await;
            let Err(SendError::Backend(error)) = sent else { panic!("{sent:?}") };
            assert_broken(&error);
        }
        server.resume().unwrap();
        let message_id = message.message_id.clone();
        let sent = mail.send_message_with(&world.from, &world.to, message, options).await.unwrap();
        assert!(matches!(sent.outcome, SendOutcome::Accepted | SendOutcome::Duplicate), "{sent:?}");
        let received = world.receive().await;
        assert_eq!(received.queue_message.message.message_id, message_id);
        assert!(world.maybe_receive().await.is_none(), "{layout}: it was sent once");
    }
}

/// A demoted master is noticed by its answer, and a promoted one used at once.
#[tokio::test]
async fn a_replica_takes_nothing() {
    let (Some(master), Some(server)) = (private("a_replica"), private("a_replica")) else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        world.send("{}").await;
        server.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
        for _ in 0..2 {
            let sent = world.mail.send_message(&world.from, &world.to, world.message("{}")).await;
            let Err(SendError::Backend(error)) = sent else { panic!("{sent:?}") };
            assert_eq!(error.kind(), BackendErrorKind::Unavailable, "{layout}: {error:?}");
        }
        server.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
        let id = world.send("{\"after\":true}").await;
        // The first one may have gone with the replica's data.
        let mut last = world.receive().await;
        if let Some(next) = world.maybe_receive().await {
            last = next;
        }
        assert_eq!(last.queue_message.message.message_id, id);
    }
}

/// Whoever empties the server empties the index and the prefix's marker; a send restores them.
#[tokio::test]
async fn a_flushed_server_is_restored_by_the_next_send() {
    let Some(server) = private("a_flushed_server") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        world.send("{}").await;
        let held = world.receive().await;
        server.command(&["FLUSHALL"]).unwrap();
        let lost = world.mail.ack(&world.to, &held.token).await.unwrap_err();
        assert!(lost.is_reservation_lost(), "{lost}");
        assert!(world.mail.mailboxes().await.unwrap().is_empty());
        let id = world.send("{}").await;
        assert_eq!(world.mail.mailboxes().await.unwrap(), [agent("writer:w1")], "{layout}");
        world.mail.receive(&world.to, Duration::ZERO).await.unwrap().unwrap();
        assert_eq!(world.mail.recover_pending(None).await.unwrap(), 1, "{layout}: it is found");
        assert_eq!(world.receive().await.queue_message.message.message_id, id);
        if layout == KeyLayout::Compact {
            let marker = world.at.command(&["GET", &format!("{}:layout", world.prefix)]);
            assert_eq!(marker, Frame::Bulk(b"compact:1".to_vec()), "the prefix is marked again");
        }
    }
}

/// Many tasks that lose their connection together share the next one.
#[tokio::test]
async fn a_broken_connection_is_replaced_once() {
    let Some(server) = private("a_broken_connection_is_replaced_once") else { return };
    let world = Arc::new(World::new(&server, KeyLayout::Compact).await);
    world.send("{}").await;
    let at = At::from(&server);
    at.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let before = connections(&at);
    for round in 0..2 {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.mail.mailbox_stats(&world.to).await.is_ok() })
            })
            .collect();
        for task in tasks {
            let worked = task.await.unwrap();
            assert!(worked || round == 0, "the second round works");
        }
    }
    // One for us; each look makes one as well.
    let made = connections(&at) - before - 1;
    assert!(made <= 2, "{made} connections were made");
}

fn connections(at: &At) -> u64 {
    let info = at.command(&["INFO", "stats"]);
    let (Frame::Bulk(info) | Frame::Verbatim(info)) = info else { panic!("{info:?}") };
    let info = String::from_utf8(info).unwrap();
    let line = info.lines().find_map(|it| it.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}
