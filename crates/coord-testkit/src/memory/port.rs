//! The port, verb by verb.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::{ForwardOutcome, Mailbox, Send};
use coord_core::{
    AdminError, AgentId, AgentMessage, CancelOutcome, DeadLetter, DeadSelection, Durability,
    Extended, FailureType, Filter, Gate, InvalidInput, MailboxPolicy, MailboxStats,
    MessageCoordinator, MessageId, MessageReport, MessageResult, MessageSubscription, MessageType,
    NackOutcome, NoteOutcome, Page, PeekedMessage, Publication, QueueMessage, RateLimit,
    ReadyCounts, Receipt, ReceiptTicket, ReceiveError, ReceivedMessage, Reconciliation,
    RedriveRate, ReservationToken, SendError, SendOptions, SendOutcome, SettleError, Timestamp,
    Unsupported, check_grace, check_note, check_visibility,
};

use super::InMemoryCoordinator;
use super::subscription::Closer;

#[async_trait]
impl MessageCoordinator for InMemoryCoordinator {
    fn new_message_id(&self) -> MessageId {
        let number = self.state().count();
        MessageId::new(format!("msg-{number:016}")).expect("20 plain characters")
    }

    async fn send_message_with(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SendError> {
        sender.check()?;
        recipient.check()?;
        options.validate()?;
        check_durability(options)?;
        let mut state = self.state();
        let now = self.now();
        let id = message.message_id.clone();
        let send = envelope(now, message, options).with_sender(sender.clone());
        let mailbox = state.open(recipient)?;
        let outcome = mailbox.send(now, send);
        let result = with_ticket(MessageResult::new(id, outcome), options, recipient, mailbox);
        drop(state);
        self.shared.changed.notify_waiters();
        self.shared.metrics.sent(result.delivered());
        Ok(result)
    }

    async fn broadcast_message_with(
        &self,
        sender: &AgentId,
        mut message: AgentMessage,
        recipients: &[AgentId],
        options: SendOptions,
    ) -> Vec<Result<MessageResult, SendError>> {
        // One message, hence one timestamp, however many mailboxes it goes to.
        message.timestamp.get_or_insert_with(|| self.now().to_string());
        let mut results = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let message = message.clone();
            results.push(self.send_message_with(sender, recipient, message, options).await);
        }
        results
    }

    async fn subscribe_to_messages(
        &self,
        agent: &AgentId,
        types: &[MessageType],
    ) -> Result<MessageSubscription, AdminError> {
        self.subscribe_to_messages_with(agent, types, Filter::any()).await
    }

    async fn subscribe_to_messages_with(
        &self,
        agent: &AgentId,
        types: &[MessageType],
        filter: Filter,
    ) -> Result<MessageSubscription, AdminError> {
        agent.check()?;
        let types = distinct(types);
        let handle = {
            let mut state = self.state();
            let handle = state.count();
            state.subscriptions.hold(agent, handle, &types, filter);
            handle
        };
        let closer = Closer { coordinator: self.clone(), agent: agent.clone(), handle };
        let id = format!("sub_{handle:012x}");
        Ok(MessageSubscription::new(id, agent.clone(), types, Box::new(closer)))
    }

    async fn publish(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<Publication, SendError> {
        sender.check()?;
        options.validate()?;
        check_durability(options)?;
        let (kind, routing) = (message.message_type, &message.routing);
        let found = self.state().subscriptions.subscribers(kind, routing);
        let sent = self.broadcast_message_with(sender, message, &found, options).await;
        Ok(Publication { results: found.into_iter().zip(sent).collect() })
    }

    async fn receive(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        self.receive_now(agent, visibility_timeout)
    }

    async fn receive_wait(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
        timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        self.wait(agent, visibility_timeout, timeout).await
    }

    async fn ack(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        self.settle(agent, token, |mailbox, now| mailbox.ack(now, token).then_some(()))
    }

    async fn nack(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        failure: FailureType,
        error: Option<&str>,
    ) -> Result<NackOutcome, SettleError> {
        let outcome =
            self.settle(agent, token, |mailbox, now| mailbox.nack(now, token, failure, error))?;
        let metrics = &self.shared.metrics;
        metrics.nacked();
        match outcome {
            NackOutcome::Retry { delay, .. } => metrics.retry_scheduled(delay),
            NackOutcome::DeadLettered { .. } => metrics.permanent_failure(),
            _ => {}
        }
        Ok(outcome)
    }

    async fn forward(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SettleError> {
        agent.check()?;
        recipient.check()?;
        options.validate()?;
        check_durability(options)?;
        let mut state = self.state();
        let now = self.now();
        let id = message.message_id.clone();
        let message = match token.hand_on(agent, recipient, message, &state.policy()) {
            Ok(message) => message,
            Err(refusal) => return Ok(MessageResult::new(id, SendOutcome::Refused(refusal))),
        };
        let send = envelope(now, message, options).with_sender(agent.clone());
        let result = match state.forward(now, agent, token, recipient, send)? {
            ForwardOutcome::ReservationLost => {
                let (agent, token) = (agent.to_string(), token.to_string());
                return Err(SettleError::ReservationLost { agent, token });
            }
            ForwardOutcome::Sent(outcome) => {
                let result = MessageResult::new(id, outcome);
                with_ticket(result, options, recipient, state.open(recipient)?)
            }
        };
        drop(state);
        self.shared.changed.notify_waiters();
        self.shared.metrics.sent(result.delivered());
        Ok(result)
    }

    async fn redrive(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
    ) -> Result<u64, AdminError> {
        agent.check()?;
        let (mut state, now) = (self.state(), self.now());
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mailbox = state.mailbox_mut(agent);
        let moved = mailbox.map_or(0, |mailbox| mailbox.redrive(now, selection, limit));
        self.shared.changed.notify_waiters();
        Ok(moved as u64)
    }

    async fn redrive_paced(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
        rate: RedriveRate,
        moved: &AtomicU64,
    ) -> Result<u64, AdminError> {
        // As seen from the beginning, however long it takes.
        let selection = selection.resolved(self.now());
        let (at_once, pause) = rate.step();
        let mut done = 0;
        loop {
            let wanted = at_once.min(limit - done);
            let step = self.redrive(agent, &selection, wanted).await?;
            done += step;
            moved.fetch_add(step, Ordering::Relaxed);
            let found = self.find_dead_letters(agent, &selection, Page::first(0)).await?;
            if step < wanted || done >= limit || found.readable == 0 {
                return Ok(done);
            }
            self.until(self.now() + pause).await;
        }
    }

    async fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> Result<u64, AdminError> {
        agent.check()?;
        let (mut state, now) = (self.state(), self.now());
        Ok(state.purge(now, agent, selection))
    }

    async fn recover_pending(&self, agent: Option<&AgentId>) -> Result<u64, AdminError> {
        agent.map_or(Ok(()), AgentId::check)?;
        let mut state = self.state();
        let now = self.now();
        self.shared.changed.notify_waiters();
        let recovered = match agent {
            Some(agent) => state.mailbox_mut(agent).map_or(0, |mailbox| mailbox.recover(now)),
            None => state.mailboxes_mut().map(|mailbox| mailbox.recover(now)).sum(),
        };
        self.report_dropped(&mut state);
        Ok(recovered)
    }

    async fn receipts(&self, tickets: &[ReceiptTicket]) -> Result<Vec<Receipt>, AdminError> {
        self.receipts_now(tickets)
    }

    async fn wait_for_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        self.wait_receipts(tickets, quorum, timeout).await
    }

    async fn pause(&self, agent: &AgentId) -> Result<bool, AdminError> {
        agent.check()?;
        Ok(self.state().open(agent)?.pause())
    }

    async fn resume(&self, agent: &AgentId) -> Result<bool, AdminError> {
        agent.check()?;
        let was_paused = self.state().open(agent)?.resume();
        self.shared.changed.notify_waiters();
        Ok(was_paused)
    }

    async fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> Result<(), AdminError> {
        agent.check()?;
        self.state().open(agent)?.limit_rate(rate);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// The machine does each step whole, so there is never anything to repair.
    async fn reconcile(
        &self,
        agent: &AgentId,
        grace: Duration,
    ) -> Result<Reconciliation, AdminError> {
        agent.check()?;
        check_grace(grace)?;
        Ok(Reconciliation::default())
    }

    fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
        self.state().configure(policy)
    }

    fn policy(&self) -> MailboxPolicy {
        self.state().policy()
    }

    async fn mailboxes(&self) -> Result<Vec<AgentId>, AdminError> {
        Ok(self.state().agents())
    }

    async fn mailbox_stats(&self, agent: &AgentId) -> Result<MailboxStats, AdminError> {
        agent.check()?;
        let state = self.state();
        let now = self.now();
        let Some(mailbox) = state.mailbox(agent) else { return Ok(unused(agent, now)) };
        let mut stats = mailbox.stats(now, agent.clone());
        stats.dead += state.unreadable(agent);
        Ok(stats)
    }

    async fn peek(&self, agent: &AgentId, page: Page) -> Result<Vec<PeekedMessage>, AdminError> {
        agent.check()?;
        let state = self.state();
        let now = self.now();
        Ok(state.mailbox(agent).map(|mailbox| mailbox.peek(now, page)).unwrap_or_default())
    }

    async fn why(
        &self,
        agent: &AgentId,
        id: &MessageId,
    ) -> Result<Option<MessageReport>, AdminError> {
        agent.check()?;
        let state = self.state();
        Ok(state.mailbox(agent).and_then(|mailbox| mailbox.why(self.now(), id)))
    }

    async fn cancel(&self, agent: &AgentId, id: &MessageId) -> Result<CancelOutcome, AdminError> {
        agent.check()?;
        let mut state = self.state();
        let mailbox = state.mailbox_mut(agent);
        Ok(mailbox.map_or(CancelOutcome::NotFound, |mailbox| mailbox.cancel(id)))
    }

    async fn note(
        &self,
        agent: &AgentId,
        id: &MessageId,
        note: &str,
    ) -> Result<NoteOutcome, AdminError> {
        agent.check()?;
        check_note(note)?;
        let mut state = self.state();
        let mailbox = state.mailbox_mut(agent);
        Ok(mailbox.map_or(NoteOutcome::NotFound, |mailbox| mailbox.note(id, note)))
    }

    async fn dead_letters(
        &self,
        agent: &AgentId,
        page: Page,
    ) -> Result<Vec<DeadLetter>, AdminError> {
        agent.check()?;
        Ok(self.state().dead_page(agent, page))
    }

    async fn extend(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<Extended, SettleError> {
        check_visibility(visibility_timeout)?;
        self.settle(agent, token, |mailbox, now| mailbox.extend(now, token, visibility_timeout))
    }

    async fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        self.settle(agent, token, |mailbox, now| mailbox.release(now, token).then_some(()))
    }
}

impl InMemoryCoordinator {
    pub(super) fn receive_now(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        agent.check()?;
        check_visibility(visibility_timeout)?;
        let mut state = self.state();
        let now = self.now();
        state.bury_poison(now, agent);
        let token = ReservationToken::from_bits(state.count());
        let Some(mailbox) = state.mailbox_mut(agent) else { return Ok(None) };
        let reserved = mailbox.receive(now, token, visibility_timeout);
        self.report_dropped(&mut state);
        Ok(reserved
            .map(|it| ReceivedMessage::new(it.token, it.queue_message, it.deadline, it.fence)))
    }

    pub(super) fn receipts_now(
        &self,
        tickets: &[ReceiptTicket],
    ) -> Result<Vec<Receipt>, AdminError> {
        ReceiptTicket::check_all(tickets)?;
        let state = self.state();
        let receipt = |ticket: &ReceiptTicket| {
            let mailbox = state.mailbox(ticket.agent());
            mailbox.map_or(Receipt::Gone, |mailbox| mailbox.receipt(ticket.number()))
        };
        Ok(tickets.iter().map(receipt).collect())
    }
}

fn unused(agent: &AgentId, now: Timestamp) -> MailboxStats {
    MailboxStats {
        agent: agent.clone(),
        ready: ReadyCounts::default(),
        delayed: 0,
        reserved: 0,
        dead: 0,
        depth: 0,
        oldest_ready: None,
        gate: Gate::default(),
        now,
    }
}

/// The message as it goes into a mailbox, with the times a coordinator fills in.
fn envelope(now: Timestamp, mut message: AgentMessage, options: SendOptions) -> Send {
    message.timestamp.get_or_insert_with(|| now.to_string());
    let mut queued = QueueMessage::new(message);
    queued.enqueued_at = Some(now.to_string());
    Send::new(queued).with_options(options)
}

/// The ticket of a message that was just taken and leaves a receipt.
fn with_ticket(
    result: MessageResult,
    options: SendOptions,
    recipient: &AgentId,
    mailbox: &Mailbox,
) -> MessageResult {
    if options.leaves_receipt() && result.outcome == SendOutcome::Accepted {
        let ticket = ReceiptTicket::new(recipient.clone(), mailbox.last_arrival());
        return result.with_ticket(ticket);
    }
    result
}

/// Each type once, in the order in which they were named.
fn distinct(types: &[MessageType]) -> Vec<MessageType> {
    let mut distinct = Vec::with_capacity(types.len());
    for kind in types {
        if !distinct.contains(kind) {
            distinct.push(*kind);
        }
    }
    distinct
}

/// Memory has no replicas and no disk.
fn check_durability(options: SendOptions) -> Result<(), Unsupported> {
    if options.durability() == Durability::Accepted {
        return Ok(());
    }
    Err(Unsupported { feature: "durability", place: "in memory" })
}
