//! The port through which agents exchange messages.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::agent::AgentId;
use crate::error::{AdminError, InvalidInput, ReceiveError, SendError, SettleError, Unsupported};
use crate::failure::{FailureType, NackOutcome};
use crate::filter::Filter;
use crate::gate::RateLimit;
use crate::inspect::{DeadLetter, DeadSelection, MailboxStats, Page, PeekedMessage};
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
        let mut results = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let message = message.clone();
            results.push(self.send_message_with(sender, recipient, message, options).await);
        }
        results
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
        let mut results = Vec::with_capacity(batch.len());
        for (message, options) in batch {
            results.push(self.send_message_with(sender, recipient, message, options).await?);
        }
        Ok(results)
    }

    /// Records that `agent` wants messages of `types`, for as long as the handle (or another one
    /// of this agent) wants them.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn subscribe_to_messages(
        &self,
        agent: &AgentId,
        types: &[MessageType],
    ) -> Result<MessageSubscription, AdminError>;

    /// The same for the messages of these types that fit `filter`. An agent with several handles
    /// gets what fits any of them, once.
    ///
    /// # Errors
    /// [`AdminError`]. The default body knows no filters and refuses them as unsupported.
    async fn subscribe_to_messages_with(
        &self,
        agent: &AgentId,
        types: &[MessageType],
        filter: Filter,
    ) -> Result<MessageSubscription, AdminError> {
        if filter.is_any() {
            return self.subscribe_to_messages(agent, types).await;
        }
        Err(unsupported("subscribing with a filter"))
    }

    /// Sends `message` to every agent that is subscribed to its type and whose filter its
    /// `routing` fits, the sender included if it is one.
    ///
    /// The recipients are a snapshot: who subscribes or leaves meanwhile may be among them or
    /// not. Then as a broadcast to them: the message keeps its own `recipient`, and one full
    /// mailbox does not stop the others.
    ///
    /// # Errors
    /// [`SendError`] if nobody was sent anything: an argument, or the subscribers could not be
    /// read. What became of each copy stands in the [`Publication`]. The default body refuses as
    /// unsupported.
    async fn publish(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<Publication, SendError> {
        let _ = (sender, message, options);
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
        let mut received = Vec::new();
        while received.len() < max {
            match self.receive(agent, visibility_timeout).await? {
                Some(message) => received.push(message),
                None => break,
            }
        }
        Ok(received)
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
        let _ = (agent, visibility_timeout, timeout);
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
        let settled = match self.ack(agent, token).await {
            Ok(()) => true,
            Err(SettleError::ReservationLost { .. } | SettleError::Unsupported(_)) => false,
            Err(SettleError::Invalid(error)) => return Err(error.into()),
            Err(SettleError::Backend(error)) => return Err(error.into()),
        };
        Ok(AckAndReceive { settled, next: self.receive(agent, visibility_timeout).await? })
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
        let mut settled = Vec::with_capacity(tokens.len());
        for token in tokens {
            settled.push(match self.ack(agent, token).await {
                Ok(()) => true,
                Err(error) if error.is_reservation_lost() => false,
                Err(error) => return Err(error),
            });
        }
        Ok(settled)
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
        let _ = (agent, token, recipient, message, options);
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
    /// [`AdminError`]; what was taken back before the failure stays so.
    async fn recover_pending(&self, agent: Option<&AgentId>) -> Result<u64, AdminError>;

    /// What became of messages that leave a receipt, one answer each, in order.
    ///
    /// Tickets are in the results of sends with
    /// [`SendOptions::with_receipt`](SendOptions::with_receipt); a broadcast gives one of each
    /// recipient that took it.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn receipts(&self, tickets: &[ReceiptTicket]) -> Result<Vec<Receipt>, AdminError> {
        let _ = tickets;
        Err(unsupported("receipts"))
    }

    /// The same, as soon as `quorum` of them are settled or nobody is pending any more, at the
    /// latest after `timeout`. Adapters may look at growing intervals of at most 250 ms.
    ///
    /// # Errors
    /// [`AdminError`]; `timeout` is at most [`MAX_WAIT`](crate::MAX_WAIT).
    async fn wait_for_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        let _ = (tickets, quorum, timeout);
        Err(unsupported("receipts"))
    }

    /// Hands out nothing from the mailbox of `agent` any more, whoever asks; false if it was
    /// paused already. Sends are taken, what is reserved can be settled, waiters go on waiting.
    ///
    /// Kept with the mailbox: it outlives this process. Consumers of the original take no notice.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn pause(&self, agent: &AgentId) -> Result<bool, AdminError> {
        let _ = agent;
        Err(unsupported("pausing a mailbox"))
    }

    /// Ends a pause; false if the mailbox was not paused.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn resume(&self, agent: &AgentId) -> Result<bool, AdminError> {
        let _ = agent;
        Err(unsupported("resuming a mailbox"))
    }

    /// Hands out no more than `rate` from the mailbox of `agent`, to all its consumers together;
    /// `None` ends that. Kept with the mailbox, as a pause.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> Result<(), AdminError> {
        let _ = (agent, rate);
        Err(unsupported("limiting the rate of a mailbox"))
    }

    /// Repairs a mailbox that a crashed peer, or a hand inside the store, left in disorder:
    /// messages that nobody could ever receive are put back to ready, reservations without a
    /// deadline get one, entries that stand for nothing go. Never touches a healthy message.
    ///
    /// Where peers work in several steps (the original's Python agents), a message in the middle
    /// of one looks lost: it is only noted, and put back when a reconciliation at least `grace`
    /// later (zero to [`MAX_GRACE`](crate::MAX_GRACE)) still finds it so. Such a message may have
    /// been settled by a peer that crashed before its last step: it is then delivered again.
    /// Works in bounded steps, each atomic.
    ///
    /// # Errors
    /// [`AdminError`]; what was repaired before the failure stays so. The default body refuses as
    /// unsupported.
    async fn reconcile(
        &self,
        agent: &AgentId,
        grace: Duration,
    ) -> Result<Reconciliation, AdminError> {
        let _ = (agent, grace);
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
    /// [`AdminError`].
    async fn mailboxes(&self) -> Result<Vec<AgentId>, AdminError> {
        Err(unsupported("listing mailboxes"))
    }

    /// Counts of one mailbox. A mailbox that was never used counts nothing.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn mailbox_stats(&self, agent: &AgentId) -> Result<MailboxStats, AdminError> {
        let _ = agent;
        Err(unsupported("counting a mailbox"))
    }

    /// Looks at waiting messages in the order in which they would be served, without reserving
    /// them: ready ones, then delayed ones.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn peek(&self, agent: &AgentId, page: Page) -> Result<Vec<PeekedMessage>, AdminError> {
        let _ = (agent, page);
        Err(unsupported("peeking"))
    }

    /// Where a message is, who holds it and until when, when it is next due, how it fared. `None`
    /// if it is settled or never was in this mailbox.
    ///
    /// Nothing is ordered by id: this walks over the mailbox, in steps that keep nobody waiting.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn why(
        &self,
        agent: &AgentId,
        id: &MessageId,
    ) -> Result<Option<MessageReport>, AdminError> {
        let _ = (agent, id);
        Err(unsupported("finding a message"))
    }

    /// Takes a message back: one that waits is removed; the holder of a reserved one is told by
    /// its next [`extend`](MessageCoordinator::extend). Walks as
    /// [`why`](MessageCoordinator::why); of several messages with one id it takes one.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn cancel(&self, agent: &AgentId, id: &MessageId) -> Result<CancelOutcome, AdminError> {
        let _ = (agent, id);
        Err(unsupported("cancelling a message"))
    }

    /// Tells the holder of a message something urgent, by its next
    /// [`extend`](MessageCoordinator::extend): no connection of its own, no polling. Walks as
    /// [`why`](MessageCoordinator::why).
    ///
    /// # Errors
    /// [`AdminError`]; a note has 1 to [`MAX_NOTE_BYTES`](crate::MAX_NOTE_BYTES) bytes.
    async fn note(
        &self,
        agent: &AgentId,
        id: &MessageId,
        note: &str,
    ) -> Result<NoteOutcome, AdminError> {
        let _ = (agent, id, note);
        Err(unsupported("notes to a holder"))
    }

    /// Looks at the dead-letter queue, oldest first.
    ///
    /// # Errors
    /// [`AdminError`].
    async fn dead_letters(
        &self,
        agent: &AgentId,
        page: Page,
    ) -> Result<Vec<DeadLetter>, AdminError> {
        let _ = (agent, page);
        Err(unsupported("listing dead letters"))
    }

    /// Puts dead messages back to ready, oldest first, with their attempts reset, at most `limit`
    /// and only while there is room; returns how many. Each moves atomically. What cannot be read
    /// stays.
    ///
    /// # Errors
    /// [`AdminError`]; what was put back before the failure stays so.
    async fn redrive(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
    ) -> Result<u64, AdminError> {
        let _ = (agent, selection, limit);
        Err(unsupported("redriving dead letters"))
    }

    /// Deletes dead messages; returns how many.
    ///
    /// # Errors
    /// [`AdminError`]; what was deleted before the failure is gone.
    async fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> Result<u64, AdminError> {
        let _ = (agent, selection);
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
        let _ = (agent, token, visibility_timeout);
        Err(Unsupported { feature: "extending a reservation", place: PLACE }.into())
    }

    /// Puts a reserved message back to ready at once, counting no attempt (graceful shutdown).
    ///
    /// # Errors
    /// [`SettleError::ReservationLost`] if nothing is reserved under `token`.
    async fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        let _ = (agent, token);
        Err(Unsupported { feature: "releasing a reservation", place: PLACE }.into())
    }
}

const PLACE: &str = "by this coordinator";

fn unsupported(feature: &'static str) -> AdminError {
    Unsupported { feature, place: PLACE }.into()
}

/// A shared coordinator of any kind.
pub type SharedCoordinator = Arc<dyn MessageCoordinator>;
