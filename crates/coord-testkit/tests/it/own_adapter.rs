//! How a third party checks an adapter of its own: public API only, as a foreign crate would.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{
    AckAndReceive, AdminResult, AgentId, AgentMessage, CancelOutcome, DeadLetter, DeadMatches,
    DeadSelection, Extended, FailureType, Filter, InvalidInput, MailboxPolicy, MailboxStats,
    MessageCoordinator, MessageId, MessageMetrics, MessageReport, MessageResult,
    MessageSubscription, MessageType, NackOutcome, NoteOutcome, Page, PeekedMessage, Publication,
    RateLimit, Receipt, ReceiptTicket, ReceiveError, ReceivedMessage, Reconciliation, RedriveRate,
    ReservationToken, SendError, SendOptions, SettleError, SharedCoordinator,
};
use coord_testkit::conformance::{self, Backend, InMemoryBackend};

/// A fault that an adapter may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Answers that the message is dead, and forgets to say so to the store.
    LosesNacks,
}

/// The adapter: counts the calls of every method and hands them on.
struct Counted {
    inner: SharedCoordinator,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    fault: Fault,
}

impl Counted {
    fn count(&self, method: &'static str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default() += 1;
    }
}

/// The port, every method handed on but `nack`.
macro_rules! hand_on {
    ($($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl MessageCoordinator for Counted {
            fn new_message_id(&self) -> MessageId {
                self.inner.new_message_id()
            }

            fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
                self.inner.configure(policy)
            }

            fn policy(&self) -> MailboxPolicy {
                self.inner.policy()
            }

            async fn nack(
                &self,
                agent: &AgentId,
                token: &ReservationToken,
                failure: FailureType,
                error: Option<&str>,
            ) -> Result<NackOutcome, SettleError> {
                self.count("nack");
                match self.fault {
                    Fault::None => self.inner.nack(agent, token, failure, error).await,
                    Fault::LosesNacks => Ok(NackOutcome::DeadLettered { attempts: 1 }),
                }
            }

            $(async fn $method(&self, $($arg: $kind),*) -> $answer {
                self.count(stringify!($method));
                self.inner.$method($($arg),*).await
            })*
        }
    };
}

hand_on! {
    send_message(sender: &AgentId, recipient: &AgentId, message: AgentMessage)
        -> Result<MessageResult, SendError>;
    send_message_with(sender: &AgentId, recipient: &AgentId, message: AgentMessage, options: SendOptions)
        -> Result<MessageResult, SendError>;
    broadcast_message(sender: &AgentId, message: AgentMessage, recipients: &[AgentId])
        -> Vec<Result<MessageResult, SendError>>;
    broadcast_message_with(sender: &AgentId, message: AgentMessage, recipients: &[AgentId], options: SendOptions)
        -> Vec<Result<MessageResult, SendError>>;
    send_batch(sender: &AgentId, recipient: &AgentId, batch: Vec<(AgentMessage, SendOptions)>)
        -> Result<Vec<MessageResult>, SendError>;
    subscribe_to_messages(agent: &AgentId, types: &[MessageType])
        -> AdminResult<MessageSubscription>;
    subscribe_to_messages_with(agent: &AgentId, types: &[MessageType], filter: Filter)
        -> AdminResult<MessageSubscription>;
    publish(sender: &AgentId, message: AgentMessage, options: SendOptions)
        -> Result<Publication, SendError>;
    receive(agent: &AgentId, visibility_timeout: Duration)
        -> Result<Option<ReceivedMessage>, ReceiveError>;
    receive_batch(agent: &AgentId, max: usize, visibility_timeout: Duration)
        -> Result<Vec<ReceivedMessage>, ReceiveError>;
    receive_wait(agent: &AgentId, visibility_timeout: Duration, timeout: Duration)
        -> Result<Option<ReceivedMessage>, ReceiveError>;
    ack_and_receive(agent: &AgentId, token: &ReservationToken, visibility_timeout: Duration)
        -> Result<AckAndReceive, ReceiveError>;
    ack_batch(agent: &AgentId, tokens: &[ReservationToken]) -> Result<Vec<bool>, SettleError>;
    forward(agent: &AgentId, token: &ReservationToken, recipient: &AgentId, message: AgentMessage, options: SendOptions)
        -> Result<MessageResult, SettleError>;
    ack(agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError>;
    recover_pending(agent: Option<&AgentId>) -> AdminResult<u64>;
    receipts(tickets: &[ReceiptTicket]) -> AdminResult<Vec<Receipt>>;
    wait_for_receipts(tickets: &[ReceiptTicket], quorum: usize, timeout: Duration)
        -> AdminResult<Vec<Receipt>>;
    pause(agent: &AgentId) -> AdminResult<bool>;
    resume(agent: &AgentId) -> AdminResult<bool>;
    limit_rate(agent: &AgentId, rate: Option<RateLimit>) -> AdminResult<()>;
    reconcile(agent: &AgentId, grace: Duration) -> AdminResult<Reconciliation>;
    mailboxes() -> AdminResult<Vec<AgentId>>;
    mailbox_stats(agent: &AgentId) -> AdminResult<MailboxStats>;
    peek(agent: &AgentId, page: Page) -> AdminResult<Vec<PeekedMessage>>;
    why(agent: &AgentId, id: &MessageId) -> AdminResult<Option<MessageReport>>;
    cancel(agent: &AgentId, id: &MessageId) -> AdminResult<CancelOutcome>;
    note(agent: &AgentId, id: &MessageId, note: &str) -> AdminResult<NoteOutcome>;
    dead_letters(agent: &AgentId, page: Page) -> AdminResult<Vec<DeadLetter>>;
    redrive(agent: &AgentId, selection: &DeadSelection, limit: u64) -> AdminResult<u64>;
    redrive_paced(agent: &AgentId, selection: &DeadSelection, limit: u64, rate: RedriveRate, moved: &AtomicU64)
        -> AdminResult<u64>;
    find_dead_letters(agent: &AgentId, selection: &DeadSelection, page: Page)
        -> AdminResult<DeadMatches>;
    purge(agent: &AgentId, selection: &DeadSelection) -> AdminResult<u64>;
    extend(agent: &AgentId, token: &ReservationToken, visibility_timeout: Duration)
        -> Result<Extended, SettleError>;
    release(agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError>;
}

/// The adapter as the suite wants it: made anew for every fact.
struct Place {
    store: InMemoryBackend,
    fault: Fault,
    made: Mutex<Option<Arc<Counted>>>,
}

impl Place {
    fn new(fault: Fault) -> Self {
        Self { store: InMemoryBackend::new(Order::Arrival), fault, made: Mutex::new(None) }
    }

    fn calls(&self, method: &str) -> u64 {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let calls =
            made.map(|made| made.calls.lock().unwrap_or_else(PoisonError::into_inner).clone());
        calls.unwrap_or_default().get(method).copied().unwrap_or_default()
    }
}

#[async_trait]
impl Backend for Place {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let inner = self.store.coordinator(policy, metrics).await;
        let made = Arc::new(Counted { inner, calls: Mutex::default(), fault: self.fault });
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
        made
    }

    async fn advance(&self, by: Duration) {
        self.store.advance(by).await;
    }

    fn order(&self) -> Order {
        self.store.order()
    }
}

mod suite {
    use super::{Fault, Place};

    async fn backend() -> Option<Place> {
        Some(Place::new(Fault::None))
    }

    coord_testkit::conformance_suite!(backend);
}

/// Whether a fact holds, how often `nack` was called, for the adapter with a fault.
macro_rules! holds {
    ($fact:path, $fault:expr) => {{
        let place = Arc::new(Place::new($fault));
        let there = Arc::clone(&place);
        let ran = tokio::spawn(async move { $fact(&*there).await }).await;
        (ran.is_ok(), place.calls("nack"))
    }};
}

/// The suite finds an adapter that loses what is given back, and blames no other verb for it.
#[tokio::test]
async fn an_adapter_that_loses_nacks_is_found() {
    for (fault, found) in [(Fault::None, false), (Fault::LosesNacks, true)] {
        let nacked = [
            holds!(conformance::nack::transient_comes_back, fault),
            holds!(conformance::nack::timeout_is_as_transient, fault),
            // The answer is as it should be: only looking at the dead letters shows the fault.
            holds!(conformance::nack::permanent_is_dead, fault),
        ];
        assert_eq!(nacked, [(!found, 1); 3], "{fault:?}");
        assert_eq!(holds!(conformance::ack::removes_the_message, fault), (true, 0));
        assert_eq!(holds!(conformance::order::fifo_inside_a_level, fault), (true, 0));
    }
}
