//! Taking messages in.

use super::Mailbox;
use super::state::Entry;
use crate::agent::AgentId;
use crate::envelope::QueueMessage;
use crate::send::{SendOptions, SendOutcome, SendRefusal};
use crate::time::Timestamp;

/// A message to be taken in.
#[derive(Debug, Clone)]
pub struct Send {
    /// The message in a fresh envelope.
    pub queued: QueueMessage,
    /// Delay, expiry, dedup window; validated by whoever brings them.
    pub options: SendOptions,
    /// Whose quota it counts for; nobody's if none.
    pub sender: Option<AgentId>,
}

impl Send {
    /// A message without options.
    pub const fn new(queued: QueueMessage) -> Self {
        Self { queued, options: SendOptions::new(), sender: None }
    }

    /// The same with options.
    #[must_use]
    pub const fn with_options(mut self, options: SendOptions) -> Self {
        self.options = options;
        self
    }

    /// The same, counting for the quota of `sender`.
    #[must_use]
    pub fn with_sender(mut self, sender: AgentId) -> Self {
        self.sender = Some(sender);
        self
    }
}

impl Mailbox {
    /// Takes a message in, unless it is a duplicate or the mailbox is full.
    pub fn send(&mut self, now: Timestamp, send: Send) -> SendOutcome {
        self.forget_old_ids(now);
        let Send { queued, options, sender } = send;
        if options.dedup_window().is_some() && self.dedup.contains_key(&queued.message.message_id) {
            return SendOutcome::Duplicate;
        }
        if let Some(refusal) = self.no_room(now, self.policy.room_for(&queued.message)) {
            return SendOutcome::Refused(refusal);
        }
        let counted_for = sender.filter(|_| self.policy.sender_quota().is_some());
        let counted_for = counted_for.map(|sender| sender.mailbox_key());
        if let (Some(sender), Some(limit)) = (&counted_for, self.policy.sender_quota())
            && self.counted_for(sender) >= limit
        {
            return SendOutcome::Refused(SendRefusal::SenderQuota { limit });
        }
        if let Some(window) = options.dedup_window() {
            let id = queued.message.message_id.clone();
            self.dedup.insert(id.clone(), now + window);
            self.dedup_ends.insert((now + window, id));
        }
        let id = self.next_id();
        let leaves_receipt = options.leaves_receipt();
        let expires_at = options.expires_in().map(|ttl| now + ttl);
        let entry = Entry { id, queued, expires_at, counted_for, leaves_receipt };
        if options.delay().is_zero() {
            self.put_ready(entry, now);
        } else {
            self.put_delayed(entry, now + options.delay());
        }
        SendOutcome::Accepted
    }

    /// Takes several messages in, one after the other: one outcome each, in order.
    pub fn send_batch(&mut self, now: Timestamp, batch: Vec<Send>) -> Vec<SendOutcome> {
        batch.into_iter().map(|send| self.send(now, send)).collect()
    }

    /// Why the mailbox takes no more than `limit`, if it does not. Expired messages make room
    /// first.
    pub(super) fn no_room(&mut self, now: Timestamp, limit: u64) -> Option<SendRefusal> {
        while self.depth() >= limit {
            if self.take_expired(now).is_none() {
                return Some(SendRefusal::QueueFull { depth: self.depth(), limit });
            }
        }
        None
    }

    fn forget_old_ids(&mut self, now: Timestamp) {
        while self.dedup_ends.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, id)) = self.dedup_ends.pop_first() {
                self.dedup.remove(&id);
            }
        }
    }
}
