//! One message for whoever wants such messages.

use std::time::Duration;

use coord_core::{
    AgentMessage, Filter, MailboxPolicy, MessageSubscription, MessageType, Publication, RoutingKey,
    SendOptions,
};

use super::Backend;
use super::stage::{Stage, bad_agent, id, is_invalid};

async fn subscribe(stage: &Stage<'_>, who: &str, filter: Filter) -> MessageSubscription {
    let agent = stage.at(who).to;
    let types = [MessageType::Event];
    let made = stage.mail.subscribe_to_messages_with(&agent, &types, filter).await;
    made.expect("subscribing works")
}

fn event(stage: &Stage<'_>, id: &str) -> AgentMessage {
    let mut message = stage.message(id);
    message.message_type = MessageType::Event;
    message
}

fn about(topic: Option<&str>, tags: &[&str]) -> RoutingKey {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    RoutingKey { topic: topic.map(str::to_owned), tags }
}

async fn publish(stage: &Stage<'_>, message: AgentMessage) -> Publication {
    let published = stage.mail.publish(&stage.from, message, SendOptions::new()).await;
    published.expect("publishing works")
}

/// Whom a publication reached, in its order; each mailbox took its copy.
async fn reached(stage: &Stage<'_>, message: AgentMessage) -> Vec<String> {
    let published = publish(stage, message).await;
    assert_eq!(published.delivered(), published.results.len(), "{published:?}");
    published.recipients().map(ToString::to_string).collect()
}

/// Everybody who wants the type has its copy, and nobody else.
pub async fn reaches_every_subscriber(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let mut held = Vec::new();
    for who in ["writer:w2", "reader", "writer:w1"] {
        held.push(subscribe(&stage, who, Filter::any()).await);
    }
    let names = reached(&stage, event(&stage, "msg-000001")).await;
    assert_eq!(names, ["reader", "writer:w1", "writer:w2"], "in the order of their names");
    for who in ["reader", "writer:w1", "writer:w2"] {
        assert_eq!(id(&stage.at(who).receive().await), "msg-000001");
        stage.at(who).nothing_is_ready().await;
    }
    stage.at("painter").is_untouched().await;
    for handle in held {
        handle.close().await.expect("closing works");
    }
}

/// Who wants another type gets nothing.
pub async fn of_another_type_reaches_nobody(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = subscribe(&stage, "reader", Filter::any()).await;
    assert!(reached(&stage, stage.message("msg-000001")).await.is_empty());
    stage.at("reader").is_untouched().await;
    handle.close().await.expect("closing works");
}

/// A publication that nobody wants is none the worse.
pub async fn nobody_is_fine(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert!(reached(&stage, event(&stage, "msg-000001")).await.is_empty());
}

/// A pattern is asked whether the topic fits; without a topic none does.
pub async fn filters_by_topic(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let pattern = |text: &str| Filter::any().with_topic(text.parse().expect("a pattern"));
    let held = [
        subscribe(&stage, "exact", pattern("story.plot")).await,
        subscribe(&stage, "one", pattern("story.*")).await,
        subscribe(&stage, "rest", pattern("story.#")).await,
        subscribe(&stage, "whole", Filter::any()).await,
    ];
    for (topic, wanted) in [
        (Some("story.plot"), &["exact", "one", "rest", "whole"][..]),
        (Some("story.end"), &["one", "rest", "whole"]),
        (Some("story.plot.twist"), &["rest", "whole"]),
        (Some("weather"), &["whole"]),
        (None, &["whole"]),
    ] {
        let message = event(&stage, "msg-000001").with_routing(about(topic, &[]));
        assert_eq!(reached(&stage, message).await, wanted, "{topic:?}");
    }
    drop(held);
}

/// Every tag that is asked for must be there.
pub async fn filters_by_tags(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let tag = |filter: Filter, tag: &str| filter.with_tag(tag).expect("a tag");
    let red = tag(Filter::any(), "red");
    let both = tag(red.clone(), "big and, \"round\"");
    let topic = red.clone().with_topic("a".parse().expect("a pattern"));
    let held = [
        subscribe(&stage, "both", both).await,
        subscribe(&stage, "red", red).await,
        subscribe(&stage, "topic", topic).await,
    ];
    for (topic, tags, wanted) in [
        (None, &["red"][..], &["red"][..]),
        (Some("a"), &["red", "small"], &["red", "topic"]),
        (Some("b"), &["big and, \"round\"", "red"], &["both", "red"]),
        (Some("a"), &["big and, \"round\""], &[]),
        (None, &[], &[]),
    ] {
        let message = event(&stage, "msg-000001").with_routing(about(topic, tags));
        assert_eq!(reached(&stage, message).await, wanted, "{topic:?} {tags:?}");
    }
    drop(held);
}

/// Whoever fits by several handles gets one copy, and who has one left that fits still gets it.
pub async fn several_handles_get_one_copy(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let topic = |text: &str| Filter::any().with_topic(text.parse().expect("a pattern"));
    let one = subscribe(&stage, "reader", topic("a.#")).await;
    let other = subscribe(&stage, "reader", topic("#")).await;
    let message = |id: &str| event(&stage, id).with_routing(about(Some("a.b"), &[]));
    assert_eq!(reached(&stage, message("msg-000001")).await, ["reader"]);
    assert_eq!(stage.at("reader").drain().await, ["msg-000001"]);
    other.close().await.expect("closing works");
    assert_eq!(reached(&stage, message("msg-000002")).await, ["reader"]);
    let elsewhere = event(&stage, "msg-000003").with_routing(about(Some("b"), &[]));
    assert!(reached(&stage, elsewhere).await.is_empty());
    one.close().await.expect("closing works");
}

/// Who has closed its handle gets nothing any more, and may come back.
pub async fn closed_ones_are_passed_over(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = subscribe(&stage, "reader", Filter::any()).await;
    let stays = subscribe(&stage, "writer", Filter::any()).await;
    handle.close().await.expect("closing works");
    assert_eq!(reached(&stage, event(&stage, "msg-000001")).await, ["writer"]);
    let again = subscribe(&stage, "reader", Filter::any()).await;
    assert_eq!(reached(&stage, event(&stage, "msg-000002")).await, ["reader", "writer"]);
    drop((again, stays));
}

/// What was left is met as it was, with its filter.
pub async fn left_ones_are_reached(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let filter = Filter::any().with_topic("a".parse().expect("a pattern"));
    subscribe(&stage, "reader", filter).await.leave().await.expect("leaving works");
    subscribe(&stage, "writer", Filter::any()).await.leave().await.expect("leaving works");
    let message = |topic| event(&stage, "msg-000001").with_routing(about(Some(topic), &[]));
    assert_eq!(reached(&stage, message("a")).await, ["reader", "writer"]);
    assert_eq!(reached(&stage, message("b")).await, ["writer"]);
}

/// A full mailbox answers for itself only.
pub async fn a_full_mailbox_does_not_stop_the_others(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    stage.at("reader").send("msg-000001").await;
    let held = [
        subscribe(&stage, "painter", Filter::any()).await,
        subscribe(&stage, "reader", Filter::any()).await,
    ];
    let published = publish(&stage, event(&stage, "msg-000002")).await;
    assert_eq!(published.delivered(), 1);
    let missed: Vec<String> = published.missed().map(ToString::to_string).collect();
    assert_eq!(missed, ["reader"]);
    let refused = published.results[1].1.as_ref().expect("a full mailbox is no error");
    assert_eq!(refused.error().as_deref(), Some("queue full"));
    assert_eq!(stage.at("painter").drain().await, ["msg-000002"]);
    drop(held);
}

/// Whoever wants what it publishes gets it.
pub async fn the_sender_may_be_among_them(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = subscribe(&stage, "planner", Filter::any()).await;
    assert_eq!(reached(&stage, event(&stage, "msg-000001")).await, ["planner"]);
    handle.close().await.expect("closing works");
}

/// Every copy is the message, with the recipient that its sender named; options hold for each.
pub async fn keeps_the_message(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = subscribe(&stage, "reader", Filter::any()).await;
    let message = event(&stage, "msg-000001").with_routing(about(Some("a.b"), &["x"]));
    let options = SendOptions::new().with_dedup_window(Duration::from_secs(60));
    for _ in 0..2 {
        let published = stage.mail.publish(&stage.from, message.clone(), options).await;
        assert_eq!(published.expect("publishing works").delivered(), 1);
    }
    let received = stage.at("reader").receive().await.queue_message.message;
    assert_eq!((received.sender, received.recipient), (message.sender, message.recipient));
    assert_eq!(received.routing, message.routing);
    stage.at("reader").nothing_is_ready().await;
    handle.close().await.expect("closing works");
}

/// What is not acceptable is refused, also if nobody would get it.
pub async fn refuses_bad_input(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let message = || event(&stage, "msg-000001");
    let refused = stage.mail.publish(&bad_agent(), message(), SendOptions::new()).await;
    is_invalid!(refused, SendError, "agent type");
    let options = SendOptions::new().with_delay(SendOptions::MAX + Duration::from_secs(1));
    let refused = stage.mail.publish(&stage.from, message(), options).await;
    is_invalid!(refused, SendError, "delay");
    let types = [MessageType::Event];
    let refused = stage.mail.subscribe_to_messages_with(&bad_agent(), &types, Filter::any()).await;
    is_invalid!(refused, AdminError, "agent type");
}
