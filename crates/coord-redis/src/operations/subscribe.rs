//! Recording which types of messages an agent wants, for as long as somebody holds them.
//!
//! The set of types is the original's. Beside it lies who holds them: each handle with a lease
//! that its process renews, so that the handle of a killed process lapses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::{
    AdminError, AgentId, BackendError, Filter, InvalidInput, MessageSubscription, MessageType,
    SubscriptionCloser, micros,
};
use tokio::task::JoinHandle;

use super::publish::{delist, enlist};
use crate::mailbox::{Mailboxes, random};
use crate::reply;
use crate::script::{Call, Script, lua};

/// The same keys in both layouts, so one script serves both.
static SUBSCRIBE: Script =
    lua!("subscribe": "lib/time.lua", "lib/subscriptions.lua", "compact/subscribe.lua");
static UNSUBSCRIBE: Script =
    lua!("unsubscribe": "lib/time.lua", "lib/subscriptions.lua", "compact/unsubscribe.lua");

/// The parts of a mailbox that tell what its agent wants.
pub(super) const PARTS: &[&str] = &["subs", "holders"];

/// How many handles of one agent there may be.
const MAX_HOLDERS: u64 = 256;
/// The handle of what is recorded for good.
const FOR_GOOD: &str = "-";
/// How often a lease is renewed while it lasts: two renewals may fail.
const RENEWALS: u32 = 3;

pub(crate) async fn subscribe(
    mailboxes: &Arc<Mailboxes>,
    agent: &AgentId,
    types: &[MessageType],
    filter: &Filter,
) -> Result<MessageSubscription, AdminError> {
    agent.check()?;
    let mut types = types.to_vec();
    types.sort_unstable();
    types.dedup();
    let id = format!("sub_{:012x}", random() >> 16);
    let holder = Arc::new(Holder {
        mailboxes: Arc::clone(mailboxes),
        agent: agent.clone(),
        types: types.clone(),
        filter: encode(filter),
        id: id.clone(),
    });
    if types.is_empty() {
        return Ok(MessageSubscription::new(id, agent.clone(), types, Box::new(Nothing)));
    }
    let lease = mailboxes.subscription_lease;
    if !holder.record(&id, Some(lease), MAX_HOLDERS).await? {
        let problem = format!("{agent} has {MAX_HOLDERS} already, which are all that are allowed");
        return Err(InvalidInput::new("subscriptions", problem).into());
    }
    // From here on what is dropped or fails leaves no more than a lease that lapses.
    for kind in &types {
        if let Err(error) = enlist(mailboxes, *kind, agent).await {
            drop(holder.end().await);
            return Err(error);
        }
    }
    let renewal = tokio::spawn(renew(Arc::clone(&holder), lease / RENEWALS));
    let closer = Closer { holder, renewal };
    Ok(MessageSubscription::new(id, agent.clone(), types, Box::new(closer)))
}

/// Renews the lease and the entries of the index until it is aborted; what fails is tried again
/// at the next turn. After the loss of all data it records anew.
async fn renew(holder: Arc<Holder>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let lease = holder.mailboxes.subscription_lease;
        if holder.record(&holder.id, Some(lease), MAX_HOLDERS).await.is_ok() {
            for kind in &holder.types {
                drop(enlist(&holder.mailboxes, *kind, &holder.agent).await);
            }
        }
    }
}

/// Who holds what.
struct Holder {
    mailboxes: Arc<Mailboxes>,
    agent: AgentId,
    types: Vec<MessageType>,
    filter: String,
    id: String,
}

impl Holder {
    /// Records it under a handle, for a time or for good; false if there are `most` already.
    async fn record(
        &self,
        handle: &str,
        lease: Option<Duration>,
        most: u64,
    ) -> Result<bool, BackendError> {
        let call = self.call(&SUBSCRIBE, handle).number(lease.map_or(0, micros));
        let answer = self.mailboxes.lane.call(&call.number(most)).await?;
        Ok(reply::number(SUBSCRIBE.name(), &answer)? == 1)
    }

    /// Ends it, and takes the agent out of the index of the types that went.
    async fn end(&self) -> Result<(), BackendError> {
        let answer = self.mailboxes.lane.call(&self.call(&UNSUBSCRIBE, &self.id)).await?;
        for kind in reply::list(UNSUBSCRIBE.name(), answer)? {
            let kind = reply::text(UNSUBSCRIBE.name(), kind)?;
            if let Some(kind) = self.types.iter().find(|it| it.as_str() == kind) {
                delist(&self.mailboxes, *kind, &self.agent).await?;
            }
        }
        Ok(())
    }

    fn call<'a>(&self, script: &'a Script, handle: &str) -> Call<'a> {
        let words: Vec<&str> = self.types.iter().map(|kind| kind.as_str()).collect();
        Call::new(script, self.mailboxes.keys(&self.agent).parts(PARTS))
            .arg(handle)
            .arg(words.join(","))
            .arg(&self.filter)
    }
}

struct Closer {
    holder: Arc<Holder>,
    renewal: JoinHandle<()>,
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

#[async_trait]
impl SubscriptionCloser for Closer {
    async fn close(&self) -> Result<(), BackendError> {
        // First, or a renewal could come after the end.
        self.renewal.abort();
        self.holder.end().await
    }

    async fn leave(&self) -> Result<(), BackendError> {
        // In place of the handle, which is there a moment longer.
        self.holder.record(FOR_GOOD, None, MAX_HOLDERS + 1).await?;
        self.close().await
    }

    fn close_in_background(self: Box<Self>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Best effort: whoever must know that it worked calls `close`. What fails lapses.
            runtime.spawn(async move { drop(self.close().await) });
        }
    }
}

/// Of a subscription to no type at all.
struct Nothing;

#[async_trait]
impl SubscriptionCloser for Nothing {
    async fn close(&self) -> Result<(), BackendError> {
        Ok(())
    }

    async fn leave(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn close_in_background(self: Box<Self>) {}
}

/// A filter in one text: the pattern or nothing, then a line for each tag. Neither can hold the
/// end of a line.
fn encode(filter: &Filter) -> String {
    let topic = filter.topic().map(|topic| topic.as_str()).unwrap_or_default();
    std::iter::once(topic).chain(filter.tags()).collect::<Vec<_>>().join("\n")
}

/// The filter of such a text; one that cannot be read keeps nothing back.
pub(super) fn decode(text: &str) -> Filter {
    let mut lines = text.split('\n');
    let topic = lines.next().filter(|topic| !topic.is_empty()).map(str::parse).transpose();
    let filter = topic.map(|topic| topic.map_or(Filter::any(), |it| Filter::any().with_topic(it)));
    let filter = filter.and_then(|filter| lines.try_fold(filter, Filter::with_tag));
    filter.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_text() {
        let topic = Filter::any().with_topic("a.*.#".parse().unwrap());
        let tags = Filter::any().with_tag("x y").unwrap().with_tag("é,").unwrap();
        let both = tags.clone().with_topic("a".parse().unwrap());
        for filter in [Filter::any(), topic, tags, both] {
            assert_eq!(decode(&encode(&filter)), filter);
        }
        assert_eq!(encode(&Filter::any()), "");
        assert!(decode("a..b").is_any(), "written by a later version");
    }
}
