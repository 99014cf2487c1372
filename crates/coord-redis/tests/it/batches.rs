//! Several messages in one step, hand-overs, and what an operator does with the dead.

use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, DeadSelection, FailureType, MessageCoordinator, MessageType, SendOptions,
};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::RealServer;

async fn batches(layout: KeyLayout) {
    let Some(server) = RealServer::start_or_ignore("batches") else { return };
    let config = RedisConfig::from_url(&server.url()).unwrap().with_layout(layout);
    let c = RedisMessageCoordinator::connect(config).await.unwrap();
    let (a, b) = (AgentId::parse("planner").unwrap(), AgentId::parse("writer:w1").unwrap());
    let message =
        || AgentMessage::new(c.new_message_id(), a.clone(), b.clone(), MessageType::Request);
    let batch = |n: usize| (0..n).map(|_| (message(), SendOptions::new())).collect();
    let minute = Duration::from_secs(60);

    c.configure(c.policy().with_queue_size(5)).unwrap();
    let sent = c.send_batch(&a, &b, batch(6)).await.unwrap();
    assert_eq!(sent.iter().filter(|r| r.delivered()).count(), 5);
    assert_eq!(sent[5].error().as_deref(), Some("queue full"));

    let got = c.receive_batch(&b, 3, minute).await.unwrap();
    assert_eq!(got.iter().map(|r| r.fence).collect::<Vec<_>>(), [1, 2, 3]);
    let ids: Vec<_> = got.iter().map(|r| &r.queue_message.message.message_id).collect();
    assert_eq!(ids, sent[..3].iter().map(|r| &r.message_id).collect::<Vec<_>>());
    let tokens: Vec<_> = got[..2].iter().map(|r| r.token.clone()).collect();
    assert_eq!(c.ack_batch(&b, &tokens).await.unwrap(), [true, true]);
    assert_eq!(c.ack_batch(&b, &tokens).await.unwrap(), [false, false]);

    let next = c.ack_and_receive(&b, &got[2].token, minute).await.unwrap();
    assert!(next.settled);
    let held = next.next.unwrap();
    assert_eq!(held.queue_message.message.message_id, sent[3].message_id);

    // Handing on settles here and sends there, or neither.
    let options = SendOptions::new();
    let handed = c.forward(&b, &held.token, &a, message(), options).await.unwrap();
    assert!(handed.delivered());
    let lost = c.forward(&b, &held.token, &a, message(), options).await.unwrap_err();
    assert!(lost.is_reservation_lost());
    assert_eq!(c.mailbox_stats(&a).await.unwrap().depth, 1);
    c.configure(c.policy().with_queue_size(1)).unwrap();
    let held = c.receive(&b, minute).await.unwrap().unwrap();
    assert!(!c.forward(&b, &held.token, &a, message(), options).await.unwrap().delivered());
    assert_eq!(c.mailbox_stats(&b).await.unwrap().reserved, 1);

    // Dead letters come back as long as there is room, or are deleted.
    c.nack(&b, &held.token, FailureType::Permanent, Some("no")).await.unwrap();
    c.send_message(&a, &b, message()).await.unwrap();
    assert_eq!(c.redrive(&b, &DeadSelection::all(), 10).await.unwrap(), 0);
    c.configure(c.policy().with_queue_size(9)).unwrap();
    assert_eq!(c.redrive(&b, &DeadSelection::all(), 10).await.unwrap(), 1);
    let stats = c.mailbox_stats(&b).await.unwrap();
    assert_eq!((stats.dead, stats.ready.normal), (0, 2));
    for _ in 0..2 {
        let held = c.receive(&b, minute).await.unwrap().unwrap();
        assert_eq!(held.queue_message.delivery_attempts, 0);
        c.nack(&b, &held.token, FailureType::Permanent, None).await.unwrap();
    }
    let ids = DeadSelection::ids(vec![held.queue_message.message.message_id.clone()]);
    assert_eq!(c.purge(&b, &ids).await.unwrap(), 1);
    assert_eq!(c.purge(&b, &ids).await.unwrap(), 0);
    assert_eq!(c.purge(&b, &DeadSelection::all()).await.unwrap(), 1);
    assert_eq!(c.mailbox_stats(&b).await.unwrap().dead, 0);
}

#[tokio::test]
async fn compact() {
    batches(KeyLayout::Compact).await;
}

#[tokio::test]
async fn tta() {
    batches(KeyLayout::Tta).await;
}
