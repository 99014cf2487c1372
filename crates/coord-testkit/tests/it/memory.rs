//! What the coordinator in memory has beyond the port.

use std::time::Duration;

use coord_core::mailbox::Order;
use coord_core::{
    AgentId, AgentMessage, DeadBody, MailboxPolicy, MessageCoordinator, MessageId, MessageType,
    Page,
};
use coord_testkit::{Clock, InMemoryCoordinator};

const MINUTE: Duration = Duration::from_secs(60);

fn agent(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

async fn send(mail: &InMemoryCoordinator, id: &str) {
    let (from, to) = (agent("planner"), agent("writer"));
    let id = MessageId::new(id).unwrap();
    let message = AgentMessage::new(id, from.clone(), to.clone(), MessageType::Request);
    assert!(mail.send_message(&from, &to, message).await.unwrap().delivered());
}

async fn drain(mail: &InMemoryCoordinator) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(received) = mail.receive(&agent("writer"), MINUTE).await.unwrap() {
        ids.push(received.queue_message.message.message_id.to_string());
    }
    ids
}

#[tokio::test]
async fn ties_are_by_arrival_or_by_payload() {
    for (order, wanted) in [
        (Order::Arrival, ["msg-000003", "msg-000001", "msg-000002"]),
        (Order::Payload, ["msg-000001", "msg-000002", "msg-000003"]),
    ] {
        let mail = InMemoryCoordinator::builder().order(order).build().unwrap();
        for id in ["msg-000003", "msg-000001", "msg-000002"] {
            send(&mail, id).await;
        }
        assert_eq!(drain(&mail).await, wanted, "{order:?}");
    }
}

#[tokio::test]
async fn two_runs_give_the_same_ids_tokens_and_times() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mail = InMemoryCoordinator::new();
        let id = mail.new_message_id().to_string();
        send(&mail, &id).await;
        mail.advance(MINUTE);
        let received = mail.receive(&agent("writer"), MINUTE).await.unwrap().unwrap();
        runs.push(format!("{received:?}"));
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains("2026-01-01T00:00:00+00:00"), "{}", runs[0]);
}

#[tokio::test]
async fn a_clone_shares_the_mailboxes_and_a_copy_of_one_does_not() {
    let mail = InMemoryCoordinator::new();
    send(&mail.clone(), "msg-000001").await;
    let mut copy = mail.mailbox(&agent("writer")).unwrap();
    assert_eq!(copy.recover(mail.now()), 0);
    assert_eq!(copy.depth(), 1);
    assert_eq!(drain(&mail).await, ["msg-000001"]);
    assert_eq!(copy.reserved_count(), 0);
    assert!(mail.mailbox(&agent("reader")).is_none());
}

#[tokio::test(start_paused = true)]
async fn follows_the_paused_time_of_tokio() {
    let mail = InMemoryCoordinator::builder().clock(Clock::tokio()).build().unwrap();
    send(&mail, "msg-000001").await;
    assert_eq!(drain(&mail).await.len(), 1);
    tokio::time::sleep(MINUTE - Duration::from_millis(1)).await;
    assert!(drain(&mail).await.is_empty());
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(drain(&mail).await.len(), 1);
}

#[tokio::test]
async fn poison_and_foreign_messages_go_in_past_the_capacity() {
    let policy = MailboxPolicy::new().with_queue_size(1);
    let mail = InMemoryCoordinator::builder().policy(policy).build().unwrap();
    send(&mail, "msg-000001").await;
    let writer = agent("writer");
    mail.inject_raw(&writer, b"\xff\xfe");
    let foreign = br#"{"message":{"message_id":"msg-000002","sender":{"type":"x"},
        "recipient":{"type":"y"},"message_type":"event"},"delivery_attempts":2}"#;
    mail.inject_raw(&writer, foreign);
    assert_eq!(mail.mailbox_stats(&writer).await.unwrap().depth, 2);
    assert_eq!(drain(&mail).await, ["msg-000001", "msg-000002"]);
    let letters = mail.dead_letters(&writer, Page::default()).await.unwrap();
    assert!(matches!(&letters[0].body, DeadBody::Unreadable { reason, .. }
        if reason.contains("UTF-8")));
    assert_eq!(mail.mailbox_stats(&writer).await.unwrap().dead, 1);
    assert_eq!(mail.policy(), policy);
}
