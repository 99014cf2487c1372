//! Taking messages in.

use super::Mailbox;
use super::state::Entry;
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
}

impl Send {
    /// A message without options.
    pub const fn new(queued: QueueMessage) -> Self {
        Self { queued, options: SendOptions::new() }
    }

    /// The same with options.
    #[must_use]
    pub const fn with_options(mut self, options: SendOptions) -> Self {
        self.options = options;
        self
    }
}

impl Mailbox {
    /// Takes a message in, unless it is a duplicate or the mailbox is full.
    pub fn send(&mut self, now: Timestamp, send: Send) -> SendOutcome {
        self.forget_old_ids(now);
        let Send { queued, options } = send;
        if options.dedup_window().is_some() && self.dedup.contains_key(&queued.message.message_id) {
            return SendOutcome::Duplicate;
        }
        if let Some(refusal) = self.no_room(now) {
            return SendOutcome::Refused(refusal);
        }
        if let Some(window) = options.dedup_window() {
            let id = queued.message.message_id.clone();
            self.dedup.insert(id.clone(), now + window);
            self.dedup_ends.insert((now + window, id));
        }
        let id = self.next_id();
        let expires_at = options.expires_in().map(|ttl| now + ttl);
        let entry = Entry { id, queued, expires_at };
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

    /// Why the mailbox takes no more, if it does not. Expired messages make room first.
    pub(super) fn no_room(&mut self, now: Timestamp) -> Option<SendRefusal> {
        let limit = self.policy.queue_size();
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
