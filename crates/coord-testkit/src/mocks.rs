//! Mocks of the ports, for tests of what a caller does with answers and errors.
//!
//! For tests of what becomes of messages, [`InMemoryCoordinator`](crate::InMemoryCoordinator) is
//! the better choice: it keeps the promises of the port. The mock gives any answer, also ones
//! that a mailbox would not give, such as an unknown outcome.
//!
//! Needs the feature `mocks`. Every verb has its `expect_` method on [`MockCoordinator`], by way
//! of [`MockAnswers`]; answers are given by plain closures, which see `nack`'s error as an
//! `Option<String>` and `recover_pending`'s agent as an `Option<AgentId>`. The methods with a
//! default body that calls another method of the port (`send_message`, `broadcast_message`,
//! batches) have it here, too, so expecting `send_message_with` covers them.
//!
//! [`MockRegistry`] is the same for the registry; [`MockMetrics`], [`MockCloser`],
//! [`MockRunningTask`] and [`MockStatefulAgent`] are the small ports that callers are given or
//! give themselves.
//!
//! ```
//! use coord_core::{AgentId, BackendError, BackendErrorKind, MessageCoordinator, ReservationToken};
//! use coord_testkit::mocks::MockCoordinator;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let mut mail = MockCoordinator::new();
//! mail.expect_ack().times(1).returning(|_, _| {
//!     Err(BackendError::new(BackendErrorKind::OutcomeUnknown, "the connection broke").into())
//! });
//! let writer = AgentId::parse("writer")?;
//! let failed = mail.ack(&writer, &ReservationToken::from_bits(1)).await.unwrap_err();
//! assert!(!failed.is_reservation_lost());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod registry;
mod small;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::{
    AdminError, AgentId, AgentMessage, CancelOutcome, DeadLetter, DeadMatches, DeadSelection,
    Extended, FailureType, Filter, InvalidInput, MailboxPolicy, MailboxStats, MessageCoordinator,
    MessageId, MessageReport, MessageResult, MessageSubscription, MessageType, NackOutcome,
    NoteOutcome, Page, PeekedMessage, Publication, RateLimit, Receipt, ReceiptTicket, ReceiveError,
    ReceivedMessage, Reconciliation, RedriveRate, ReservationToken, SendError, SendOptions,
    SettleError,
};

pub use answers::MockAnswers;
pub use registry::{MockRegistry, MockRegistryAnswers};
pub use small::{MockCloser, MockMetrics, MockRunningTask, MockStatefulAgent};

/// A coordinator that answers as it was told, and panics at what it was not told of.
#[derive(Debug, Default)]
pub struct MockCoordinator {
    answers: MockAnswers,
}

impl MockCoordinator {
    /// A mock that expects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Deref for MockCoordinator {
    type Target = MockAnswers;

    fn deref(&self) -> &MockAnswers {
        &self.answers
    }
}

impl DerefMut for MockCoordinator {
    fn deref_mut(&mut self) -> &mut MockAnswers {
        &mut self.answers
    }
}

#[async_trait]
impl MessageCoordinator for MockCoordinator {
    fn new_message_id(&self) -> MessageId {
        self.answers.new_message_id()
    }

    async fn send_message_with(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SendError> {
        self.answers.send_message_with(sender, recipient, message, options)
    }

    async fn subscribe_to_messages(
        &self,
        agent: &AgentId,
        types: &[MessageType],
    ) -> Result<MessageSubscription, AdminError> {
        self.answers.subscribe_to_messages(agent, types)
    }

    async fn subscribe_to_messages_with(
        &self,
        agent: &AgentId,
        types: &[MessageType],
        filter: Filter,
    ) -> Result<MessageSubscription, AdminError> {
        self.answers.subscribe_to_messages_with(agent, types, filter)
    }

    async fn publish(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<Publication, SendError> {
        self.answers.publish(sender, message, options)
    }

    async fn receive(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        self.answers.receive(agent, visibility_timeout)
    }

    async fn receive_wait(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
        timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        self.answers.receive_wait(agent, visibility_timeout, timeout)
    }

    async fn ack(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        self.answers.ack(agent, token)
    }

    async fn nack(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        failure: FailureType,
        error: Option<&str>,
    ) -> Result<NackOutcome, SettleError> {
        self.answers.nack(agent, token, failure, error.map(str::to_owned))
    }

    async fn forward(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SettleError> {
        self.answers.forward(agent, token, recipient, message, options)
    }

    async fn recover_pending(&self, agent: Option<&AgentId>) -> Result<u64, AdminError> {
        self.answers.recover_pending(agent.cloned())
    }

    async fn receipts(&self, tickets: &[ReceiptTicket]) -> Result<Vec<Receipt>, AdminError> {
        self.answers.receipts(tickets)
    }

    async fn wait_for_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        self.answers.wait_for_receipts(tickets, quorum, timeout)
    }

    async fn pause(&self, agent: &AgentId) -> Result<bool, AdminError> {
        self.answers.pause(agent)
    }

    async fn resume(&self, agent: &AgentId) -> Result<bool, AdminError> {
        self.answers.resume(agent)
    }

    async fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> Result<(), AdminError> {
        self.answers.limit_rate(agent, rate)
    }

    async fn reconcile(
        &self,
        agent: &AgentId,
        grace: Duration,
    ) -> Result<Reconciliation, AdminError> {
        self.answers.reconcile(agent, grace)
    }

    fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
        self.answers.configure(policy)
    }

    fn policy(&self) -> MailboxPolicy {
        self.answers.policy()
    }

    async fn mailboxes(&self) -> Result<Vec<AgentId>, AdminError> {
        self.answers.mailboxes()
    }

    async fn mailbox_stats(&self, agent: &AgentId) -> Result<MailboxStats, AdminError> {
        self.answers.mailbox_stats(agent)
    }

    async fn peek(&self, agent: &AgentId, page: Page) -> Result<Vec<PeekedMessage>, AdminError> {
        self.answers.peek(agent, page)
    }

    async fn why(
        &self,
        agent: &AgentId,
        id: &MessageId,
    ) -> Result<Option<MessageReport>, AdminError> {
        self.answers.why(agent, id)
    }

    async fn cancel(&self, agent: &AgentId, id: &MessageId) -> Result<CancelOutcome, AdminError> {
        self.answers.cancel(agent, id)
    }

    async fn note(
        &self,
        agent: &AgentId,
        id: &MessageId,
        note: &str,
    ) -> Result<NoteOutcome, AdminError> {
        self.answers.note(agent, id, note)
    }

    async fn dead_letters(
        &self,
        agent: &AgentId,
        page: Page,
    ) -> Result<Vec<DeadLetter>, AdminError> {
        self.answers.dead_letters(agent, page)
    }

    async fn redrive(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
    ) -> Result<u64, AdminError> {
        self.answers.redrive(agent, selection, limit)
    }

    async fn redrive_paced(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
        rate: RedriveRate,
        moved: &AtomicU64,
    ) -> Result<u64, AdminError> {
        self.answers.redrive_paced(agent, selection, limit, rate, moved)
    }

    async fn find_dead_letters(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        page: Page,
    ) -> Result<DeadMatches, AdminError> {
        self.answers.find_dead_letters(agent, selection, page)
    }

    async fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> Result<u64, AdminError> {
        self.answers.purge(agent, selection)
    }

    async fn extend(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<Extended, SettleError> {
        self.answers.extend(agent, token, visibility_timeout)
    }

    async fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        self.answers.release(agent, token)
    }
}

#[allow(missing_docs, reason = "the macro writes methods of its own")]
mod answers {
    use super::*;

    mockall::mock! {
        /// The expectations of a [`MockCoordinator`].
        #[derive(Debug)]
        pub Answers {
            pub fn new_message_id(&self) -> MessageId;
            pub fn send_message_with(&self, sender: &AgentId, recipient: &AgentId, message: AgentMessage, options: SendOptions) -> Result<MessageResult, SendError>;
            pub fn subscribe_to_messages(&self, agent: &AgentId, types: &[MessageType]) -> Result<MessageSubscription, AdminError>;
            pub fn subscribe_to_messages_with(&self, agent: &AgentId, types: &[MessageType], filter: Filter) -> Result<MessageSubscription, AdminError>;
            pub fn publish(&self, sender: &AgentId, message: AgentMessage, options: SendOptions) -> Result<Publication, SendError>;
            pub fn receive(&self, agent: &AgentId, visibility_timeout: Duration) -> Result<Option<ReceivedMessage>, ReceiveError>;
            pub fn receive_wait(&self, agent: &AgentId, visibility_timeout: Duration, timeout: Duration) -> Result<Option<ReceivedMessage>, ReceiveError>;
            pub fn ack(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError>;
            pub fn nack(&self, agent: &AgentId, token: &ReservationToken, failure: FailureType, error: Option<String>) -> Result<NackOutcome, SettleError>;
            pub fn forward(&self, agent: &AgentId, token: &ReservationToken, recipient: &AgentId, message: AgentMessage, options: SendOptions) -> Result<MessageResult, SettleError>;
            pub fn recover_pending(&self, agent: Option<AgentId>) -> Result<u64, AdminError>;
            pub fn receipts(&self, tickets: &[ReceiptTicket]) -> Result<Vec<Receipt>, AdminError>;
            pub fn wait_for_receipts(&self, tickets: &[ReceiptTicket], quorum: usize, timeout: Duration) -> Result<Vec<Receipt>, AdminError>;
            pub fn pause(&self, agent: &AgentId) -> Result<bool, AdminError>;
            pub fn resume(&self, agent: &AgentId) -> Result<bool, AdminError>;
            pub fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> Result<(), AdminError>;
            pub fn reconcile(&self, agent: &AgentId, grace: Duration) -> Result<Reconciliation, AdminError>;
            pub fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput>;
            pub fn policy(&self) -> MailboxPolicy;
            pub fn mailboxes(&self) -> Result<Vec<AgentId>, AdminError>;
            pub fn mailbox_stats(&self, agent: &AgentId) -> Result<MailboxStats, AdminError>;
            pub fn peek(&self, agent: &AgentId, page: Page) -> Result<Vec<PeekedMessage>, AdminError>;
            pub fn why(&self, agent: &AgentId, id: &MessageId) -> Result<Option<MessageReport>, AdminError>;
            pub fn cancel(&self, agent: &AgentId, id: &MessageId) -> Result<CancelOutcome, AdminError>;
            pub fn note(&self, agent: &AgentId, id: &MessageId, note: &str) -> Result<NoteOutcome, AdminError>;
            pub fn dead_letters(&self, agent: &AgentId, page: Page) -> Result<Vec<DeadLetter>, AdminError>;
            pub fn redrive(&self, agent: &AgentId, selection: &DeadSelection, limit: u64) -> Result<u64, AdminError>;
            pub fn redrive_paced(&self, agent: &AgentId, selection: &DeadSelection, limit: u64, rate: RedriveRate, moved: &AtomicU64) -> Result<u64, AdminError>;
            pub fn find_dead_letters(&self, agent: &AgentId, selection: &DeadSelection, page: Page) -> Result<DeadMatches, AdminError>;
            pub fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> Result<u64, AdminError>;
            pub fn extend(&self, agent: &AgentId, token: &ReservationToken, visibility_timeout: Duration) -> Result<Extended, SettleError>;
            pub fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError>;
        }
    }
}
