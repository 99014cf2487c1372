//! What a mailbox holds, and the moves between its places.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::dead_letters::Dead;
use super::pause::GateState;
use super::receipts::Receipts;
use crate::envelope::QueueMessage;
use crate::error::InvalidInput;
use crate::message::{MessageId, MessagePriority};
use crate::policy::MailboxPolicy;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

/// How messages of one level that became available at the same microsecond are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By arrival: first in, first out, also under a clock that stands still.
    #[default]
    Arrival,
    /// By the bytes of the stored JSON, as the original's layout does.
    Payload,
}

/// Why a mailbox wants to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadlineReason {
    /// A delayed message or a retry falls due.
    Delay,
    /// A reservation expires.
    Reservation,
    /// A message expires.
    Expiry,
}

/// A mailbox: a pure state machine over messages.
#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    pub(super) policy: MailboxPolicy,
    pub(super) order: Order,
    ready: [BTreeMap<Slot, Entry>; 3],
    delayed: BTreeMap<(Timestamp, u64), Entry>,
    /// Where messages with an expiry wait; reserved ones are not in here.
    expiring: BTreeMap<(Timestamp, u64), Location>,
    pub(super) reserved: BTreeMap<ReservationToken, Reservation>,
    pub(super) deadlines: BTreeSet<(Timestamp, ReservationToken)>,
    pub(super) dead: VecDeque<Dead>,
    pub(super) dead_dropped: u64,
    pub(super) dedup: BTreeMap<MessageId, Timestamp>,
    pub(super) dedup_ends: BTreeSet<(Timestamp, MessageId)>,
    pub(super) last_id: u64,
    pub(super) fence: u64,
    pub(super) gate: GateState,
    pub(super) receipts: Receipts,
}

/// A message and what the mailbox knows of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Unique in the mailbox, growing with arrival.
    pub(super) id: u64,
    pub(super) queued: QueueMessage,
    pub(super) expires_at: Option<Timestamp>,
    /// Whose quota it counts for, if sent under one.
    pub(super) counted_for: Option<String>,
    /// Whether it is noted when it is settled.
    pub(super) leaves_receipt: bool,
}

impl Entry {
    /// Whether the time it was given has passed.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A reserved message.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) entry: Entry,
    pub(super) deadline: Timestamp,
    /// It must not come back.
    pub(super) is_cancelled: bool,
    /// What others want its holder to know.
    pub(super) notes: Vec<String>,
}

impl Reservation {
    pub(super) const fn new(entry: Entry, deadline: Timestamp) -> Self {
        Self { entry, deadline, is_cancelled: false, notes: Vec::new() }
    }

    /// Whether the message is gone instead of coming back.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.is_cancelled || self.entry.has_expired(now)
    }
}

/// The place of a ready message inside its level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    available_at: Timestamp,
    tie: String,
    id: u64,
}

#[derive(Debug, Clone)]
enum Location {
    Ready(usize, Slot),
    Delayed(Timestamp),
}

/// A timer that fell due.
pub(super) enum Due {
    Delay(Entry, Timestamp),
    Reservation(Reservation),
    Expiry,
}

impl Mailbox {
    /// An empty mailbox.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`MailboxPolicy::validate`].
    pub fn new(policy: MailboxPolicy, order: Order) -> Result<Self, InvalidInput> {
        policy.validate()?;
        Ok(Self { policy, order, ..Self::default() })
    }

    /// Changes the policy for later inputs.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`MailboxPolicy::validate`]; the policy in force stays.
    pub fn configure(&mut self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
        policy.validate()?;
        self.policy = policy;
        Ok(())
    }

    /// Messages that count against the capacity: ready, delayed and reserved.
    pub fn depth(&self) -> u64 {
        let ready: usize = self.ready.iter().map(BTreeMap::len).sum();
        (ready + self.delayed.len() + self.reserved.len()) as u64
    }

    /// Ready messages of a level.
    pub fn ready_count(&self, priority: MessagePriority) -> u64 {
        self.ready[level(priority)].len() as u64
    }

    /// Messages that are due later.
    pub fn delayed_count(&self) -> u64 {
        self.delayed.len() as u64
    }

    /// Messages in the hands of consumers.
    pub fn reserved_count(&self) -> u64 {
        self.reserved.len() as u64
    }

    /// Whether a message is reserved under `token`.
    pub fn holds(&self, token: &ReservationToken) -> bool {
        self.reserved.contains_key(token)
    }

    /// When something falls due by itself, and what.
    pub fn next_deadline(&self) -> Option<(Timestamp, DeadlineReason)> {
        let delay = self.delayed.keys().next().map(|key| (key.0, DeadlineReason::Delay));
        let lease = self.deadlines.first().map(|key| (key.0, DeadlineReason::Reservation));
        let expiry = self.expiring.keys().next().map(|key| (key.0, DeadlineReason::Expiry));
        [delay, lease, expiry].into_iter().flatten().min()
    }

    /// The next arrival number.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn put_ready(&mut self, entry: Entry, available_at: Timestamp) {
        let slot = self.slot(&entry, available_at);
        let level = level(entry.queued.priority);
        if let Some(at) = entry.expires_at {
            self.expiring.insert((at, entry.id), Location::Ready(level, slot.clone()));
        }
        self.ready[level].insert(slot, entry);
    }

    /// Where a message that became available then stands in its level.
    pub(super) fn slot(&self, entry: &Entry, available_at: Timestamp) -> Slot {
        let tie = match self.order {
            Order::Arrival => String::new(),
            Order::Payload => entry.queued.to_wire(),
        };
        Slot { available_at, tie, id: entry.id }
    }

    pub(super) fn put_delayed(&mut self, entry: Entry, due: Timestamp) {
        if let Some(at) = entry.expires_at {
            self.expiring.insert((at, entry.id), Location::Delayed(due));
        }
        self.delayed.insert((due, entry.id), entry);
    }

    pub(super) fn pop_ready(&mut self, level: usize) -> Option<Entry> {
        let (_, entry) = self.ready[level].pop_first()?;
        self.forget_expiry(&entry);
        Some(entry)
    }

    /// The levels that hold something ready, in serving order.
    pub(super) fn ready_levels(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.ready.len()).filter(|&level| !self.ready[level].is_empty())
    }

    pub(super) fn take_reservation(&mut self, token: &ReservationToken) -> Option<Reservation> {
        let reservation = self.reserved.remove(token)?;
        self.deadlines.remove(&(reservation.deadline, token.clone()));
        Some(reservation)
    }

    /// Takes out the earliest timer that is due, if any; at equal times delays go before
    /// reservations and those before expiries.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        let (at, reason) = self.next_deadline().filter(|(at, _)| *at <= now)?;
        match reason {
            DeadlineReason::Delay => {
                let (_, entry) = self.delayed.pop_first()?;
                self.forget_expiry(&entry);
                Some(Due::Delay(entry, at))
            }
            DeadlineReason::Reservation => {
                let (_, token) = self.deadlines.first().cloned()?;
                self.take_reservation(&token).map(Due::Reservation)
            }
            DeadlineReason::Expiry => self.take_expired(now).map(|_| Due::Expiry),
        }
    }

    /// Takes out the waiting message that expired first, if any has.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Option<Entry> {
        let first = self.expiring.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, id), location) = first.remove_entry();
        match location {
            Location::Ready(level, slot) => self.ready[level].remove(&slot),
            Location::Delayed(due) => self.delayed.remove(&(due, id)),
        }
    }

    /// How many messages that are not settled yet count for a sender's quota.
    pub(super) fn counted_for(&self, sender: &str) -> u64 {
        let waiting = self.waiting().map(|(entry, ..)| entry);
        let all = waiting.chain(self.reserved.values().map(|reserved| &reserved.entry));
        all.filter(|entry| entry.counted_for.as_deref() == Some(sender)).count() as u64
    }

    /// Takes out the waiting message of this id, if there is one.
    pub(super) fn take_waiting(&mut self, id: &MessageId) -> Option<Entry> {
        let is_it = |entry: &Entry| entry.queued.message.message_id == *id;
        for level in &mut self.ready {
            let found = level.iter().find(|(_, entry)| is_it(entry)).map(|(slot, _)| slot.clone());
            if let Some(entry) = found.and_then(|slot| level.remove(&slot)) {
                self.forget_expiry(&entry);
                return Some(entry);
            }
        }
        let found = self.delayed.iter().find(|(_, entry)| is_it(entry)).map(|(key, _)| *key);
        let entry = self.delayed.remove(&found?)?;
        self.forget_expiry(&entry);
        Some(entry)
    }

    /// Waiting messages in serving order: ready ones, then delayed ones by due time.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Entry, Timestamp, bool)> {
        let ready =
            self.ready.iter().flatten().map(|(slot, entry)| (entry, slot.available_at, true));
        ready.chain(self.delayed.iter().map(|((due, _), entry)| (entry, *due, false)))
    }

    fn forget_expiry(&mut self, entry: &Entry) {
        if let Some(at) = entry.expires_at {
            self.expiring.remove(&(at, entry.id));
        }
    }
}

/// The index of a level: 0 is served first.
fn level(priority: MessagePriority) -> usize {
    match priority {
        MessagePriority::High => 0,
        MessagePriority::Normal => 1,
        MessagePriority::Low => 2,
    }
}
