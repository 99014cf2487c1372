//! Recording which types an agent wants.

use coord_core::MessageType;

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, TICK};

const BOTH: [MessageType; 2] = [MessageType::Request, MessageType::Event];

/// How often a fact looks again for something that happens in the background.
const LOOKS: u32 = 500;

/// The handle names the agent, each type once, and an id of its own.
pub async fn names_each_type_once(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let types = [MessageType::Event, MessageType::Request, MessageType::Event];
    let first = stage.mail.subscribe_to_messages(&stage.to, &types).await.expect("it works");
    assert_eq!(first.agent_id, stage.to);
    let mut named = first.message_types.clone();
    named.sort_unstable();
    assert_eq!(named, BOTH);
    let digits = first.subscription_id.strip_prefix("sub_").unwrap_or_default();
    assert!(digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let other = stage.at("reader");
    let second = other.mail.subscribe_to_messages(&other.to, &[]).await.expect("it works");
    assert_ne!(first.subscription_id, second.subscription_id);
    recorded(&stage, &BOTH).await;
    recorded(&other, &[]).await;
}

/// Closing removes what was added.
pub async fn close_removes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = stage.mail.subscribe_to_messages(&stage.to, &BOTH).await.expect("it works");
    handle.close().await.expect("closing works");
    recorded(&stage, &[]).await;
}

/// Dropping does the same, in the background.
pub async fn drop_removes(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let kept = [MessageType::Response];
    let keeper = stage.mail.subscribe_to_messages(&stage.to, &kept).await.expect("it works");
    drop(stage.mail.subscribe_to_messages(&stage.to, &BOTH).await.expect("it works"));
    recorded(&stage, &kept).await;
    drop(keeper);
}

/// Left alone, the record stays.
pub async fn leave_keeps(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let handle = stage.mail.subscribe_to_messages(&stage.to, &BOTH).await.expect("it works");
    handle.leave().await.expect("leaving works");
    recorded(&stage, &BOTH).await;
}

/// A type stays until the last handle of its agent that wants it is gone.
pub async fn handles_are_counted(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let subscribe = async |types: &[MessageType]| {
        stage.mail.subscribe_to_messages(&stage.to, types).await.expect("it works")
    };
    let first = subscribe(&BOTH).await;
    let second = subscribe(&[MessageType::Event, MessageType::Response]).await;
    recorded(&stage, &[MessageType::Request, MessageType::Response, MessageType::Event]).await;
    first.close().await.expect("closing works");
    recorded(&stage, &[MessageType::Response, MessageType::Event]).await;
    let third = subscribe(&[MessageType::Event]).await;
    drop(second);
    recorded(&stage, &[MessageType::Event]).await;
    third.close().await.expect("closing works");
    recorded(&stage, &[]).await;
}

/// What was left stays, whoever held the same type and is gone.
pub async fn left_outlives_the_held(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let types = [MessageType::Event];
    let held = stage.mail.subscribe_to_messages(&stage.to, &BOTH).await.expect("it works");
    let left = stage.mail.subscribe_to_messages(&stage.to, &types).await.expect("it works");
    left.leave().await.expect("leaving works");
    held.close().await.expect("closing works");
    recorded(&stage, &types).await;
    let again = stage.mail.subscribe_to_messages(&stage.to, &BOTH).await.expect("it works");
    recorded(&stage, &BOTH).await;
    again.close().await.expect("closing works");
    recorded(&stage, &types).await;
}

/// An agent that cannot name a mailbox is refused by name of the field.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let subscribed = stage.mail.subscribe_to_messages(&bad_agent(), &BOTH).await;
    is_invalid!(subscribed, AdminError, "agent type");
}

/// These types, in order, are recorded, or will be after a bounded number of looks.
async fn recorded(stage: &Stage<'_>, wanted: &[MessageType]) {
    let mut last = None;
    for _ in 0..LOOKS {
        let Some(mut found) = stage.backend.subscriptions(&stage.to).await else { return };
        found.sort_unstable();
        if found == wanted {
            return;
        }
        last = Some(found);
        tokio::task::yield_now().await;
        stage.advance(TICK).await;
    }
    panic!("{last:?} is recorded, not {wanted:?}");
}
