//! Hearing of transitions at once: one connection per store that listens to the prefix's channel.
//!
//! What is heard is a hint to look, nothing more: who waits asks the store itself. So a lost
//! message costs time (until the next poll), never correctness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use coord_resilience::breaker::{BreakerName, Version};
use futures_util::StreamExt;
use redis::RedisError;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::connection::CommandLane;

/// The listening side of one store.
pub(super) struct News {
    lane: Arc<CommandLane>,
    channel: String,
    /// How long connecting, subscribing or a PING may take.
    limit: Duration,
    topics: Mutex<HashMap<BreakerName, Arc<Topic>>>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// What is known of one breaker here.
#[derive(Debug, Default)]
pub(super) struct Topic {
    /// How often something was heard of it.
    heard: watch::Sender<u64>,
    looked: Mutex<Looked>,
}

/// What the last look saw.
#[derive(Debug, Default)]
struct Looked {
    /// The count of `heard` when it began.
    heard: u64,
    version: Option<Version>,
}

/// After so much silence the connection is tried with a PING.
const SILENCE: Duration = Duration::from_secs(3);
/// The first and the longest pause before connecting again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// More breakers than this are kept only while somebody waits for them.
const MAX_TOPICS: usize = 1_000;

impl News {
    pub(super) fn new(lane: Arc<CommandLane>, channel: String, limit: Duration) -> Self {
        let (topics, listener) = Default::default();
        Self { lane, channel, limit, topics, listener }
    }

    pub(super) fn topic(&self, name: &BreakerName) -> Arc<Topic> {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get(name) {
            return Arc::clone(topic);
        }
        if topics.len() >= MAX_TOPICS {
            topics.retain(|_, topic| Arc::strong_count(topic) > 1);
        }
        Arc::clone(topics.entry(name.clone()).or_default())
    }

    /// Starts to listen, unless somebody does. Needs a tokio runtime.
    pub(super) fn listen(self: &Arc<Self>) {
        let mut listener = lock(&self.listener);
        // A listener ends with the runtime it ran on.
        if listener.as_ref().is_none_or(JoinHandle::is_finished) {
            *listener = Some(tokio::spawn(run(Arc::downgrade(self))));
        }
    }

    fn tell(&self, name: &str) {
        if let Some(topic) = lock(&self.topics).get(name) {
            topic.heard.send_modify(|heard| *heard += 1);
        }
    }

    /// Something may have been missed: everybody looks.
    fn tell_all(&self) {
        for topic in lock(&self.topics).values() {
            topic.heard.send_modify(|heard| *heard += 1);
        }
    }

    /// Listens where the channel's name lies: to the master, or one of a cluster's.
    async fn subscribe(lane: &CommandLane, channel: &str) -> Option<(PubSubSink, PubSubStream)> {
        let client = lane.client_at(channel).await.ok()?;
        let (mut sink, stream) = client.get_async_pubsub().await.ok()?.split();
        sink.subscribe(channel).await.ok()?;
        Some((sink, stream))
    }
}

impl Drop for News {
    fn drop(&mut self) {
        if let Some(listener) = lock(&self.listener).take() {
            listener.abort();
        }
    }
}

impl Topic {
    /// To be called before a look.
    pub(super) fn heard(&self) -> u64 {
        *self.heard.borrow()
    }

    /// Notes what a look saw that began when `heard` was the count.
    pub(super) fn looked(&self, heard: u64, version: Version) {
        let mut looked = lock(&self.looked);
        looked.heard = looked.heard.max(heard);
        looked.version = Some(version);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.heard.subscribe()
    }

    /// Whether somebody who has seen `seen` should look again.
    pub(super) fn may_have_changed(&self, seen: Version) -> bool {
        let looked = lock(&self.looked);
        looked.version != Some(seen) || looked.heard < self.heard()
    }
}

/// Listens until the store is gone; a lost connection is made anew.
async fn run(news: Weak<News>) {
    let (first, longest) = PAUSES;
    let mut pause = first;
    loop {
        let Some(hub) = news.upgrade() else { return };
        let (lane, channel, limit) = (Arc::clone(&hub.lane), hub.channel.clone(), hub.limit);
        drop(hub);
        if let Ok(Some((sink, stream))) = timeout(limit, News::subscribe(&lane, &channel)).await {
            pause = first;
            follow(&news, sink, stream, limit).await;
            // Who waits looks, and so notices the store's loss or what was missed.
            if let Some(hub) = news.upgrade() {
                hub.tell_all();
            }
        }
        sleep(pause).await;
        pause = longest.min(pause * 2);
    }
}

/// Passes on what is heard on one connection until it is lost.
async fn follow(
    news: &Weak<News>,
    mut sink: PubSubSink,
    mut stream: PubSubStream,
    limit: Duration,
) {
    if let Some(hub) = news.upgrade() {
        hub.tell_all();
    }
    loop {
        match timeout(SILENCE, stream.next()).await {
            Ok(Some(message)) => {
                let Some(hub) = news.upgrade() else { return };
                match std::str::from_utf8(message.get_payload_bytes()) {
                    Ok(name) => hub.tell(name),
                    Err(_) => hub.tell_all(),
                }
            }
            Ok(None) => return,
            Err(_) => {
                let answer: Result<Result<redis::Value, RedisError>, _> =
                    timeout(limit, sink.ping()).await;
                if !matches!(answer, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
