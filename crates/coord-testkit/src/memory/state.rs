//! Every mailbox and counter of a coordinator in memory.

use std::collections::BTreeMap;

use coord_core::mailbox::{Dead, ForwardOutcome, Mailbox, Order, Send};
use coord_core::{
    AgentId, DeadBody, DeadLetter, DeadSelection, InvalidInput, MailboxPolicy, Page, QueueMessage,
    ReservationToken, SendOutcome, Timestamp,
};

use super::subscription::Subscriptions;

#[derive(Debug)]
pub(super) struct State {
    policy: MailboxPolicy,
    order: Order,
    boxes: BTreeMap<String, Held>,
    pub(super) subscriptions: Subscriptions,
    counter: u64,
    /// Dead messages dropped so far, as far as that was reported.
    reported_dropped: u64,
}

/// One mailbox and what the machine does not hold: bytes that are no message.
#[derive(Debug, Default)]
struct Held {
    mailbox: Mailbox,
    poison: Vec<Vec<u8>>,
    unreadable: Vec<DeadLetter>,
    dropped_unreadable: u64,
}

impl Held {
    /// The oldest of both kinds go while there are more than `limit`.
    fn drop_surplus(&mut self, limit: u64) {
        while (self.mailbox.dead_letters().len() + self.unreadable.len()) as u64 > limit {
            let oldest = self.mailbox.dead_letters().next().map(|dead| dead.died_at);
            match self.unreadable.first() {
                Some(letter) if oldest.is_none_or(|oldest| letter.died_at <= Some(oldest)) => {
                    self.unreadable.remove(0);
                    self.dropped_unreadable += 1;
                }
                // The mailbox has dropped what is too much of its own.
                Some(_) => self.mailbox.drop_oldest_dead(),
                None => return,
            }
        }
    }
}

impl State {
    pub(super) fn new(policy: MailboxPolicy, order: Order) -> Self {
        let (boxes, subscriptions) = (BTreeMap::new(), Subscriptions::default());
        Self { policy, order, boxes, subscriptions, counter: 0, reported_dropped: 0 }
    }

    pub(super) const fn policy(&self) -> MailboxPolicy {
        self.policy
    }

    pub(super) fn configure(&mut self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
        policy.validate()?;
        for held in self.boxes.values_mut() {
            held.mailbox.configure(policy)?;
        }
        self.policy = policy;
        Ok(())
    }

    /// The next number: of an id, a token or a subscription.
    pub(super) const fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn agents(&self) -> Vec<AgentId> {
        let key = |key: &String| {
            let (kind, instance) = key.split_once(':')?;
            Some(AgentId::foreign(kind, Some(instance.to_owned())))
        };
        self.boxes.keys().filter_map(key).collect()
    }

    pub(super) fn mailbox(&self, agent: &AgentId) -> Option<&Mailbox> {
        self.boxes.get(&agent.mailbox_key()).map(|held| &held.mailbox)
    }

    pub(super) fn mailbox_mut(&mut self, agent: &AgentId) -> Option<&mut Mailbox> {
        self.boxes.get_mut(&agent.mailbox_key()).map(|held| &mut held.mailbox)
    }

    pub(super) fn mailboxes_mut(&mut self) -> impl Iterator<Item = &mut Mailbox> {
        self.boxes.values_mut().map(|held| &mut held.mailbox)
    }

    /// The mailbox of `agent`, made if it is not there yet.
    pub(super) fn open(&mut self, agent: &AgentId) -> Result<&mut Mailbox, InvalidInput> {
        Ok(&mut self.held(agent)?.mailbox)
    }

    /// Settles in one mailbox and sends to another, or the same, under one lock.
    pub(super) fn forward(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        token: &ReservationToken,
        recipient: &AgentId,
        send: Send,
    ) -> Result<ForwardOutcome, InvalidInput> {
        if !self.mailbox(agent).is_some_and(|mailbox| mailbox.holds(token)) {
            return Ok(ForwardOutcome::ReservationLost);
        }
        let outcome = self.open(recipient)?.send(now, send);
        if !matches!(outcome, SendOutcome::Refused(_)) {
            self.open(agent)?.ack(now, token);
        }
        Ok(ForwardOutcome::Sent(outcome))
    }

    pub(super) fn inject_raw(&mut self, now: Timestamp, agent: &AgentId, bytes: &[u8]) {
        let policy = self.policy;
        let Ok(held) = self.held(agent) else { return };
        match QueueMessage::from_wire(bytes) {
            Ok(queued) => {
                // A foreign writer knows no capacity: the bound is lifted for this one send.
                let roomy = policy.with_queue_size(MailboxPolicy::MAX_QUEUE_SIZE);
                if held.mailbox.configure(roomy).is_ok() {
                    held.mailbox.send(now, Send::new(queued));
                    held.mailbox.configure(policy).expect("it was in force before");
                }
            }
            Err(_) => held.poison.push(bytes.to_vec()),
        }
    }

    /// Moves bytes that are no message to the dead-letter queue.
    pub(super) fn bury_poison(&mut self, now: Timestamp, agent: &AgentId) {
        let Some(held) = self.boxes.get_mut(&agent.mailbox_key()) else { return };
        for bytes in held.poison.drain(..) {
            let Err(poison) = QueueMessage::from_wire(&bytes) else { continue };
            let raw = String::from_utf8_lossy(&bytes).into_owned();
            let body = DeadBody::Unreadable { raw, reason: poison.reason().to_owned() };
            held.unreadable.push(DeadLetter { body, died_at: Some(now) });
        }
    }

    /// How many dead messages were dropped since this was asked, to keep inside the limit.
    pub(super) fn newly_dropped(&mut self) -> u64 {
        let Some(limit) = self.policy.dead_limit() else { return 0 };
        let mut total = 0;
        for held in self.boxes.values_mut() {
            held.drop_surplus(limit.get());
            total += held.dropped_unreadable + held.mailbox.dead_dropped();
        }
        total - std::mem::replace(&mut self.reported_dropped, total)
    }

    pub(super) fn unreadable(&self, agent: &AgentId) -> u64 {
        self.boxes.get(&agent.mailbox_key()).map_or(0, |held| held.unreadable.len() as u64)
    }

    /// Deletes dead messages.
    pub(super) fn purge(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        selection: &DeadSelection,
    ) -> u64 {
        let Some(held) = self.boxes.get_mut(&agent.mailbox_key()) else { return 0 };
        let before = held.unreadable.len();
        held.unreadable.retain(|letter| !selection.takes(now, letter));
        (held.mailbox.purge(now, selection) + before - held.unreadable.len()) as u64
    }

    /// One page of the dead-letter queue, oldest first.
    pub(super) fn dead_page(&self, agent: &AgentId, page: Page) -> Vec<DeadLetter> {
        let Some(held) = self.boxes.get(&agent.mailbox_key()) else { return Vec::new() };
        if held.unreadable.is_empty() {
            return held.mailbox.dead_page(page);
        }
        let messages = held.mailbox.dead_letters().map(Dead::letter);
        let mut letters: Vec<_> = held.unreadable.iter().cloned().chain(messages).collect();
        letters.sort_by_key(|letter| letter.died_at);
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        letters.into_iter().skip(skip).take(page.bounded_limit() as usize).collect()
    }

    fn held(&mut self, agent: &AgentId) -> Result<&mut Held, InvalidInput> {
        use std::collections::btree_map::Entry;
        match self.boxes.entry(agent.mailbox_key()) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(place) => {
                let mailbox = Mailbox::new(self.policy, self.order)?;
                Ok(place.insert(Held { mailbox, ..Held::default() }))
            }
        }
    }
}
