//! What the suite needs from whoever wants to be checked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{AgentId, MailboxPolicy, MessageMetrics, MessageType, SharedCoordinator};

use crate::fake_redis::Clock;
use crate::memory::InMemoryCoordinator;

/// One place where mailboxes live, made anew for every fact.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A coordinator over mailboxes that were never used. A fact calls it once.
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator;

    /// Returns when the coordinator's clock (for a server: the server's) is at least `by` later.
    ///
    /// A virtual clock is moved; for a real one this waits, bounded, until the clock shows it.
    async fn advance(&self, by: Duration);

    /// How messages of one level and one microsecond are ordered.
    fn order(&self) -> Order;

    /// Puts stored bytes into the mailbox of `agent` as another writer would, ready at once.
    /// False if that is not possible.
    async fn inject_raw(&self, agent: &AgentId, bytes: &[u8]) -> bool {
        let _ = (agent, bytes);
        false
    }

    /// The types that are recorded for `agent`; `None` if that cannot be seen.
    async fn subscriptions(&self, agent: &AgentId) -> Option<Vec<MessageType>> {
        let _ = agent;
        None
    }
}

/// The backend of [`InMemoryCoordinator`], under a clock that stands still by itself.
#[derive(Debug)]
pub struct InMemoryBackend {
    order: Order,
    clock: Clock,
    made: Mutex<Option<InMemoryCoordinator>>,
}

impl InMemoryBackend {
    /// A backend whose ties are ordered as `order` says.
    pub fn new(order: Order) -> Self {
        let clock = Clock::manual(InMemoryCoordinator::START);
        Self { order, clock, made: Mutex::new(None) }
    }

    fn made(&self) -> InMemoryCoordinator {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.clone().expect("a fact asks for its coordinator first")
    }
}

#[async_trait]
impl Backend for InMemoryBackend {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let builder = InMemoryCoordinator::builder();
        let builder = builder.policy(policy).order(self.order).clock(self.clock.clone());
        let mail = builder.metrics(metrics).build().expect("facts use valid policies");
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(mail.clone());
        Arc::new(mail)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn order(&self) -> Order {
        self.order
    }

    async fn inject_raw(&self, agent: &AgentId, bytes: &[u8]) -> bool {
        self.made().inject_raw(agent, bytes);
        true
    }

    async fn subscriptions(&self, agent: &AgentId) -> Option<Vec<MessageType>> {
        Some(self.made().subscriptions(agent))
    }
}
