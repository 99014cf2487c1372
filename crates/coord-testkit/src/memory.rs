//! A coordinator in memory, on the pure mailbox machine of `coord-core`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coord_core::mailbox::{Mailbox, Order};
use coord_core::{
    AgentId, InvalidInput, MailboxPolicy, MessageMetrics, MessageType, NullMetrics, Timestamp,
};

use tokio::sync::Notify;

use crate::fake_redis::Clock;

mod port;
mod settle;
mod state;
mod subscription;
mod wait;

use state::State;

/// A [`MessageCoordinator`](coord_core::MessageCoordinator) in memory, for tests and demos.
///
/// It keeps every promise of the port, since it runs `coord-core`'s mailbox machine, and it is
/// deterministic: ids, tokens and subscription ids count up from one, and time is that of its
/// clock. Nothing survives the process. Clones share one state.
///
/// # Defaults
/// - the clock is manual, starts at [`InMemoryCoordinator::START`] and moves only by
///   [`InMemoryCoordinator::advance`]
/// - the policy is [`MailboxPolicy::new`]; a changed one holds for every mailbox at once
/// - messages of one microsecond are ordered by arrival
/// - metrics go nowhere
///
/// # Cancel safety
/// Only `receive_wait` waits, and it takes nothing before it ends: none can be cancelled
/// half-way.
///
/// ```
/// use coord_core::{AgentId, AgentMessage, MessageCoordinator, MessageType};
/// use coord_testkit::InMemoryCoordinator;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mail = InMemoryCoordinator::new();
/// let (planner, writer) = (AgentId::parse("planner")?, AgentId::parse("writer")?);
/// let message =
///     AgentMessage::new(mail.new_message_id(), planner.clone(), writer.clone(), MessageType::Request);
/// mail.send_message(&planner, &writer, message).await?;
///
/// let first = mail.receive(&writer, Duration::from_secs(30)).await?.expect("one is ready");
/// mail.advance(Duration::from_secs(31));
/// let again = mail.receive(&writer, Duration::from_secs(30)).await?.expect("it came back");
/// assert_eq!(again.queue_message.delivery_attempts, 1);
/// assert!(mail.ack(&writer, &first.token).await.is_err());
/// mail.ack(&writer, &again.token).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct InMemoryCoordinator {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    metrics: Arc<dyn MessageMetrics>,
    /// Told of every change that may make a message ready.
    changed: Notify,
}

impl InMemoryCoordinator {
    /// Where the default clock starts: 2026-01-01T00:00:00Z, as a time since 1970.
    pub const START: Duration = Duration::from_secs(1_767_225_600);

    /// A coordinator with every default.
    pub fn new() -> Self {
        let builder = Self::builder();
        builder.assemble()
    }

    /// A coordinator to be set up.
    pub fn builder() -> InMemoryCoordinatorBuilder {
        InMemoryCoordinatorBuilder {
            policy: MailboxPolicy::new(),
            order: Order::Arrival,
            clock: Clock::manual(Self::START),
            metrics: Arc::new(NullMetrics),
        }
    }

    /// Moves a manual clock forward; a clock that moves by itself takes no notice.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// The time of its clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.shared.clock.now_us())
    }

    /// Puts stored bytes into a mailbox as another writer would: neither the capacity nor the
    /// content is checked.
    ///
    /// What is a message keeps its attempts and every field. What is none waits as poison until
    /// the next receive moves it to the dead-letter queue; until then no count shows it.
    pub fn inject_raw(&self, agent: &AgentId, bytes: &[u8]) {
        let mut state = self.state();
        state.inject_raw(self.now(), agent, bytes);
        self.shared.changed.notify_waiters();
    }

    /// The types that `agent` is subscribed to, in order.
    pub fn subscriptions(&self, agent: &AgentId) -> Vec<MessageType> {
        self.state().subscriptions.types(agent)
    }

    /// A copy of a mailbox, to look into or to go on with as a model; `None` if it was never
    /// used. Poison is not in it.
    pub fn mailbox(&self, agent: &AgentId) -> Option<Mailbox> {
        self.state().mailbox(agent).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics elsewhere must not turn every later call into a panic.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for InMemoryCoordinator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemoryCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCoordinator").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// What an [`InMemoryCoordinator`] is made of; its defaults are listed there.
#[must_use]
pub struct InMemoryCoordinatorBuilder {
    policy: MailboxPolicy,
    order: Order,
    clock: Clock,
    metrics: Arc<dyn MessageMetrics>,
}

impl InMemoryCoordinatorBuilder {
    /// The policy of every mailbox.
    pub const fn policy(mut self, policy: MailboxPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How messages of one microsecond are ordered.
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Where time comes from; [`Clock::tokio`] follows tokio's paused time, [`Clock::system`]
    /// the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where to report to.
    pub fn metrics(mut self, metrics: Arc<dyn MessageMetrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The coordinator.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`MailboxPolicy::validate`].
    pub fn build(self) -> Result<InMemoryCoordinator, InvalidInput> {
        self.policy.validate()?;
        Ok(self.assemble())
    }

    /// The policy is valid.
    fn assemble(self) -> InMemoryCoordinator {
        let state = Mutex::new(State::new(self.policy, self.order));
        let (clock, metrics) = (self.clock, self.metrics);
        let shared = Shared { state, clock, metrics, changed: Notify::new() };
        InMemoryCoordinator { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for InMemoryCoordinatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCoordinatorBuilder")
            .field("policy", &self.policy)
            .field("order", &self.order)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
