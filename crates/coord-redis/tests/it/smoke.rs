//! Every verb once, on a real server, in both layouts.

use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, FailureType, MessageCoordinator, MessageType, NackOutcome, Page,
    Payload, SendOptions,
};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::RealServer;

async fn every_verb(layout: KeyLayout) {
    let Some(server) = RealServer::start_or_ignore("every_verb") else { return };
    let config = RedisConfig::from_url(&server.url()).unwrap().with_layout(layout);
    let c = RedisMessageCoordinator::connect(config).await.unwrap();
    let (a, b) = (AgentId::parse("planner").unwrap(), AgentId::parse("writer:w1").unwrap());
    let message = |text: &str| {
        AgentMessage::new(c.new_message_id(), a.clone(), b.clone(), MessageType::Request)
            .with_payload(Payload::from_json(text).unwrap())
    };
    assert!(c.send_message(&a, &b, message("{\"n\": NaN}")).await.unwrap().delivered());
    let dedup = SendOptions::new().with_dedup_window(Duration::from_secs(9));
    let same = message("{\"n\":2}");
    c.send_message_with(&a, &b, same.clone(), dedup).await.unwrap();
    println!("{:?}", c.send_message_with(&a, &b, same, dedup).await.unwrap());
    println!("{:?}", c.mailbox_stats(&b).await.unwrap());
    println!("{:?}", c.peek(&b, Page::default()).await.unwrap());
    let one = c.receive(&b, Duration::from_secs(5)).await.unwrap().unwrap();
    assert_eq!(one.queue_message.message.payload.as_json(), "{\"n\": NaN}");
    let nacked = c.nack(&b, &one.token, FailureType::Transient, Some("boom é")).await.unwrap();
    assert!(matches!(nacked, NackOutcome::Retry { attempts: 1, .. }), "{nacked:?}");
    let two = c.receive(&b, Duration::from_secs(5)).await.unwrap().unwrap();
    c.extend(&b, &two.token, Duration::from_secs(60)).await.unwrap();
    c.release(&b, &two.token).await.unwrap();
    assert!(c.ack(&b, &two.token).await.unwrap_err().is_reservation_lost());
    let two = c.receive(&b, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(c.recover_pending(None).await.unwrap(), 1);
    assert!(c.ack(&b, &two.token).await.unwrap_err().is_reservation_lost());
    let two = c.receive(&b, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(two.queue_message.delivery_attempts, 1);
    assert_eq!(two.fence, 4);
    c.nack(&b, &two.token, FailureType::Permanent, None).await.unwrap();
    println!("{:?}", c.dead_letters(&b, Page::default()).await.unwrap());
    let sub = c.subscribe_to_messages(&b, &MessageType::ALL).await.unwrap();
    sub.close().await.unwrap();
    println!("{:?}", c.peek(&b, Page::default()).await.unwrap());
    println!("{:?} {:?}", c.mailbox_stats(&b).await.unwrap(), c.mailboxes().await.unwrap());
}

#[tokio::test]
async fn compact() {
    every_verb(KeyLayout::Compact).await;
}

#[tokio::test]
async fn tta() {
    every_verb(KeyLayout::Tta).await;
}
