//! Recording which types of messages an agent wants.

use std::sync::Arc;

use async_trait::async_trait;
use coord_core::{
    AdminError, AgentId, BackendError, MessageSubscription, MessageType, SubscriptionCloser,
};

use crate::mailbox::{Mailboxes, random};
use crate::reply;
use crate::script::{Call, Script, lua};

/// One set in both layouts, so one script serves both.
static SUBSCRIBE: Script = lua!("subscribe": "compact/subscribe.lua");

pub(crate) async fn subscribe(
    mailboxes: &Arc<Mailboxes>,
    agent: &AgentId,
    types: &[MessageType],
) -> Result<MessageSubscription, AdminError> {
    agent.check()?;
    let mut types = types.to_vec();
    types.sort_unstable();
    types.dedup();
    let key = mailboxes.keys(agent).part("subs");
    let added = if types.is_empty() {
        Vec::new()
    } else {
        let call =
            Call::new(&SUBSCRIBE, vec![key.clone()]).args(types.iter().map(|kind| kind.as_str()));
        let answer = mailboxes.lane.call(&call).await?;
        let items = reply::list(SUBSCRIBE.name(), answer)?.into_iter();
        items.map(|item| reply::text(SUBSCRIBE.name(), item)).collect::<Result<_, _>>()?
    };
    let id = format!("sub_{:012x}", random() >> 16);
    let closer = Closer { mailboxes: Arc::clone(mailboxes), key, added };
    Ok(MessageSubscription::new(id, agent.clone(), types, Box::new(closer)))
}

/// Removes the types that this subscription was the first to record.
struct Closer {
    mailboxes: Arc<Mailboxes>,
    key: String,
    added: Vec<String>,
}

#[async_trait]
impl SubscriptionCloser for Closer {
    async fn close(&self) -> Result<(), BackendError> {
        if self.added.is_empty() {
            return Ok(());
        }
        let remove = redis::cmd("SREM").arg(&self.key).arg(&self.added).take();
        self.mailboxes.lane.command("SREM", &remove).await.map(drop)
    }

    fn close_in_background(self: Box<Self>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Best effort: whoever must know that it worked calls `close`.
            runtime.spawn(async move { drop(self.close().await) });
        }
    }
}
