//! The port through which agents exchange messages.

mod defaults;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;

use self::defaults::{PLACE, unsupported};
use crate::agent::AgentId;
use crate::dead_letters::{DeadLetter, DeadMatches, DeadSelection, RedriveRate};
use crate::error::{AdminResult, InvalidInput, ReceiveError, SendError, SettleError, Unsupported};
use crate::failure::{FailureType, NackOutcome};
use crate::filter::Filter;
use crate::gate::RateLimit;
use crate::inspect::{MailboxStats, Page, PeekedMessage};
use crate::message::{AgentMessage, MessageId, MessageType};
use crate::policy::MailboxPolicy;
use crate::recall::{CancelOutcome, MessageReport, NoteOutcome};
use crate::receipt::{Receipt, ReceiptTicket};
use crate::reconcile::Reconciliation;
use crate::reservation::{AckAndReceive, Extended, ReceivedMessage, ReservationToken};
use crate::send::{MessageResult, SendOptions};
use crate::subscription::{MessageSubscription, Publication};

/// Mailboxes for agents: messages are sent, reserved, and settled, at least once each.
///
/// **A message leaves the system only by an ack, by its own expiry, or by an operator's hand;
/// whoever crashes, at whatever point, loses none.**
///
/// # Cancel safety
/// Every method is cancel-safe in this sense: dropping its future leaves either nothing done or
/// the whole operation done, never half of it. A receive that was dropped may have reserved a
/// message, which then comes back when its visibility timeout ends.
///
/// # Implementing
/// The trait is open. Methods added later come with a default body that answers
/// [`Unsupported`].
#[allow(unused_variables, reason = "default bodies refuse whatever they are given")]
#[async_trait]
pub trait MessageCoordinator: Send + Sync {
    /// A fresh message id; ids of one process sort in the order they were made.
    fn new_message_id(&self) -> MessageId;

    /// Puts `message` into the mailbox of `recipient`.
    ///
    /// `sender` is whose quota and metrics it counts for; the message keeps its own `sender` and
    /// `recipient` fields. A missing timestamp is filled in. A full mailbox is not an error but a
    /// result that was not delivered.
    ///
    /// # Errors
    /// [`SendError`]; if the outcome is unknown, the message may have been delivered.
    async fn send_message(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        message: AgentMessage,
    ) -> Result<MessageResult, SendError> {
        self.send_message_with(sender, recipient, message, SendOptions::new()).await
    }

    /// The same with a delay, an expiry or a dedup window.
    ///
    /// # Errors
    /// As [`MessageCoordinator::send_message`], and [`SendError::Unsupported`] for an option
    /// that the key layout cannot carry.
    async fn send_message_with(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SendError>;

    /// Sends one message to several mailboxes: one result per recipient, in order. One full
    /// mailbox does not stop the others.
    ///
    /// The default body sends one after the other; adapters send them together.
    async fn broadcast_message(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        recipients: &[AgentId],
    ) -> Vec<Result<MessageResult, SendError>> {
        self.broadcast_message_with(sender, message, recipients, SendOptions::new()).await
    }

    /// The same with options.
    async fn broadcast_message_with(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        recipients: &[AgentId],
        options: SendOptions,
    ) -> Vec<Result<MessageResult, SendError>> {
        defaults::broadcast(self, sender, message, recipients, options).await
    }

    /// Puts several messages into one mailbox: one result each, in order. One that finds no room
    /// does not stop the others.
    ///
    /// The default body sends one after the other; adapters send them in one step.
    ///
    /// # Errors
    /// As [`MessageCoordinator::send_message_with`]; an argument that is not acceptable stops the
    /// whole batch, with nothing written by adapters that send it in one step.
    async fn send_batch(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        batch: Vec<(AgentMessage, SendOptions)>,
    ) -> Result<Vec<MessageResult>, SendError> {
        defaults::send_batch(self, sender, recipient, batch).await
    }

    /// Records that `agent` wants messages of `types`, for as long as the handle (or another one
    /// of this agent) wants them.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn subscribe_to_messages(
        &self,
        agent: &AgentId,
        types: &[MessageType],
    ) -> AdminResult<MessageSubscription>;

    /// The same for messages that fit `filter`. Of several handles any is enough.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError). The default body refuses filters as unsupported.
    async fn subscribe_to_messages_with(
        &self,
        agent: &AgentId,
        types: &[MessageType],
        filter: Filter,
    ) -> AdminResult<MessageSubscription> {
        if filter.is_any() {
            return self.subscribe_to_messages(agent, types).await;
        }
        Err(unsupported("subscribing with a filter"))
    }

    /// Sends `message` to every agent that is subscribed to its type and whose filter its
    /// `routing` fits, the sender included if it is one.
    ///
    /// The recipients are a snapshot. Then it is a broadcast to them: the message keeps its own
    /// `recipient`, and one full mailbox does not stop the others.
    ///
    /// # Errors
    /// [`SendError`] if nobody was sent anything: an argument, or the subscribers could not be
    /// read. The default body refuses as unsupported.
    async fn publish(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<Publication, SendError> {
        Err(Unsupported { feature: "publishing", place: PLACE }.into())
    }

    /// Reserves the next message of `agent` that is due, for `visibility_timeout`.
    ///
    /// HIGH before NORMAL before LOW, inside a level by the time a message became available.
    /// Expired reservations of the mailbox are taken back first (a bounded number per call).
    /// What cannot be read goes to the dead-letter queue and the next message is taken.
    /// `None`: nothing is due.
    ///
    /// # Errors
    /// [`ReceiveError`].
    async fn receive(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError>;

    /// Reserves up to `max` messages, in the order of [`MessageCoordinator::receive`].
    ///
    /// The default body receives one after the other; adapters take them in one step, of at most
    /// 1 000.
    ///
    /// # Errors
    /// [`ReceiveError`]; messages reserved before the failure come back when their visibility
    /// timeout ends.
    async fn receive_batch(
        &self,
        agent: &AgentId,
        max: usize,
        visibility_timeout: Duration,
    ) -> Result<Vec<ReceivedMessage>, ReceiveError> {
        defaults::receive_batch(self, agent, max, visibility_timeout).await
    }

    /// Reserves the next message as [`MessageCoordinator::receive`] does, waiting up to `timeout`
    /// for one; `None` when that is over. A zero timeout does not wait.
    ///
    /// A send wakes one of those who wait within milliseconds; delayed and retried messages,
    /// expired reservations and what a foreign producer writes wake when they fall due, at the
    /// latest at the next look of the adapter. Failures that may pass are ridden out while the
    /// time lasts. Meant to be called in a loop; many may wait at one mailbox, and each message
    /// goes to one of them.
    ///
    /// # Cancel safety
    /// A wait that is dropped wants no message any more: what was reserved for it in that moment
    /// is released, or comes back when its visibility timeout ends.
    ///
    /// # Errors
    /// [`ReceiveError`]; `timeout` is at most [`MAX_WAIT`](crate::MAX_WAIT). The default body
    /// refuses as unsupported.
    async fn receive_wait(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
        timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        Err(Unsupported { feature: "receive_wait", place: "by this adapter" }.into())
    }

    /// Settles one message and reserves the next, in one round trip where the adapter can.
    ///
    /// A lost reservation is told by `settled == false` and does not keep the next message back.
    ///
    /// # Errors
    /// [`ReceiveError`].
    async fn ack_and_receive(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<AckAndReceive, ReceiveError> {
        defaults::ack_and_receive(self, agent, token, visibility_timeout).await
    }

    /// Settles several messages: whether each token held one, in order.
    ///
    /// # Errors
    /// [`SettleError`], never [`SettleError::ReservationLost`].
    async fn ack_batch(
        &self,
        agent: &AgentId,
        tokens: &[ReservationToken],
    ) -> Result<Vec<bool>, SettleError> {
        defaults::ack_batch(self, agent, tokens).await
    }

    /// Settles a message here and sends another one there, both or neither: handing work on
    /// neither loses nor doubles it.
    ///
    /// If the other mailbox refuses, the result is not delivered and the message still reserved.
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`; nothing was sent.
    async fn forward(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SettleError> {
        Err(Unsupported { feature: "forwarding", place: PLACE }.into())
    }

    /// Settles a message: it is done and gone. A late ack succeeds as long as nobody took the
    /// message back.
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`.
    async fn ack(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError>;

    /// Gives a message back: retried with back-off, or dead-lettered if the failure is
    /// permanent or the retries are used up. `error` becomes its `last_error`.
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`.
    async fn nack(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        failure: FailureType,
        error: Option<&str>,
    ) -> Result<NackOutcome, SettleError>;

    /// Takes expired reservations back, of one mailbox or (with `None`) of all; returns how many.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); what was taken back before the failure stays so.
    async fn recover_pending(&self, agent: Option<&AgentId>) -> AdminResult<u64>;

    /// What became of messages that leave a receipt, one answer each, in order. Tickets are in the
    /// results of sends with [`SendOptions::with_receipt`]; a broadcast gives one of each recipient.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn receipts(&self, tickets: &[ReceiptTicket]) -> AdminResult<Vec<Receipt>> {
        Err(unsupported("receipts"))
    }

    /// The same, as soon as `quorum` are settled or nobody is pending any more, at the latest after
    /// `timeout`. Adapters may look at growing intervals of at most 250 ms.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); `timeout` is at most [`MAX_WAIT`](crate::MAX_WAIT).
    async fn wait_for_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> AdminResult<Vec<Receipt>> {
        Err(unsupported("receipts"))
    }

    /// Hands out nothing from the mailbox of `agent` any more, whoever asks; false if it was
    /// paused already. Sends are taken, what is reserved can be settled, waiters go on waiting. Kept
    /// with the mailbox: it outlives this process. Consumers of the original take no notice.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn pause(&self, agent: &AgentId) -> AdminResult<bool> {
        Err(unsupported("pausing a mailbox"))
    }

    /// Ends a pause; false if the mailbox was not paused.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn resume(&self, agent: &AgentId) -> AdminResult<bool> {
        Err(unsupported("resuming a mailbox"))
    }

    /// Hands out no more than `rate` from the mailbox of `agent`, to all its consumers together;
    /// `None` ends that. Kept with the mailbox, as a pause.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> AdminResult<()> {
        Err(unsupported("limiting the rate of a mailbox"))
    }

    /// Repairs a mailbox that a crashed peer, or a hand inside the store, left in disorder:
    /// messages that nobody could ever receive are put back to ready, reservations without a
    /// deadline get one, entries that stand for nothing go. Never touches a healthy message.
    ///
    /// A message that a peer of the original may just be working on is only noted, and put back
    /// when a reconciliation at least `grace` later (at most [`MAX_GRACE`](crate::MAX_GRACE)) still
    /// finds it so; if it was settled meanwhile, it is delivered again. Steps are bounded and atomic.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); what was repaired before the failure stays so.
    async fn reconcile(&self, agent: &AgentId, grace: Duration) -> AdminResult<Reconciliation> {
        Err(unsupported("reconciling"))
    }

    /// Changes the policy of this coordinator, for its later operations.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the field; the policy in force stays.
    fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput>;

    /// The policy in force.
    fn policy(&self) -> MailboxPolicy;

    /// Every mailbox that ever held a message, in order.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn mailboxes(&self) -> AdminResult<Vec<AgentId>> {
        Err(unsupported("listing mailboxes"))
    }

    /// Counts of one mailbox. A mailbox that was never used counts nothing.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn mailbox_stats(&self, agent: &AgentId) -> AdminResult<MailboxStats> {
        Err(unsupported("counting a mailbox"))
    }

    /// Looks at waiting messages in the order in which they would be served, without reserving
    /// them: ready ones, then delayed ones.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn peek(&self, agent: &AgentId, page: Page) -> AdminResult<Vec<PeekedMessage>> {
        Err(unsupported("peeking"))
    }

    /// Where a message is, who holds it and until when, when it is next due, how it fared. `None`
    /// if it is settled or never was in this mailbox. Nothing is ordered by id: this walks over the
    /// mailbox, in steps that keep nobody waiting.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn why(&self, agent: &AgentId, id: &MessageId) -> AdminResult<Option<MessageReport>> {
        Err(unsupported("finding a message"))
    }

    /// Takes a message back: one that waits is removed; the holder of a reserved one is told by its
    /// next [`extend`](MessageCoordinator::extend). Walks as `why`; of several with one id it takes one.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn cancel(&self, agent: &AgentId, id: &MessageId) -> AdminResult<CancelOutcome> {
        Err(unsupported("cancelling a message"))
    }

    /// Tells the holder of a message something urgent, by its next `extend`. Walks as `why`.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); a note has 1 to [`MAX_NOTE_BYTES`](crate::MAX_NOTE_BYTES) bytes.
    async fn note(&self, agent: &AgentId, id: &MessageId, note: &str) -> AdminResult<NoteOutcome> {
        Err(unsupported("notes to a holder"))
    }

    /// Looks at the dead-letter queue, oldest first.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn dead_letters(&self, agent: &AgentId, page: Page) -> AdminResult<Vec<DeadLetter>> {
        Err(unsupported("listing dead letters"))
    }

    /// Puts dead messages back to ready, oldest first, with their attempts reset, at most `limit`
    /// and while there is room; returns how many. Each moves atomically; the unreadable stay.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); what was put back before the failure stays so.
    async fn redrive(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
    ) -> AdminResult<u64> {
        Err(unsupported("redriving dead letters"))
    }

    /// The same, never faster than `rate`. `moved` counts along: whoever drops the future, which
    /// ends it between two steps, reads there how many went back.
    ///
    /// # Errors
    /// As [`MessageCoordinator::redrive`]; the default body refuses as unsupported.
    async fn redrive_paced(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
        rate: RedriveRate,
        moved: &AtomicU64,
    ) -> AdminResult<u64> {
        Err(unsupported("redriving at a rate"))
    }

    /// Tells what `selection` takes and touches nothing: the dry run of a redrive and of a purge.
    /// Reads the whole dead-letter queue, page by page.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError).
    async fn find_dead_letters(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        page: Page,
    ) -> AdminResult<DeadMatches> {
        defaults::find_dead_letters(self, agent, selection, page).await
    }

    /// Deletes dead messages; returns how many.
    ///
    /// # Errors
    /// [`AdminError`](crate::AdminError); what was deleted before the failure is gone.
    async fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> AdminResult<u64> {
        Err(unsupported("purging dead letters"))
    }

    /// Gives a reserved message a new deadline, counted from now; returns it, with what others
    /// want its holder to know: that the message was cancelled, and notes.
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`.
    async fn extend(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<Extended, SettleError> {
        Err(Unsupported { feature: "extending a reservation", place: PLACE }.into())
    }

    /// Puts a reserved message back to ready at once, counting no attempt (graceful shutdown).
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`.
    async fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        Err(Unsupported { feature: "releasing a reservation", place: PLACE }.into())
    }
}

/// A shared coordinator of any kind.
pub type SharedCoordinator = Arc<dyn MessageCoordinator>;
