//! The dead-letter queue.

use super::Mailbox;
use super::state::Entry;
use crate::envelope::QueueMessage;
use crate::message::MessageId;
use crate::time::Timestamp;

/// Why a message died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadCause {
    /// Its consumer called the failure permanent.
    Permanent,
    /// It was given back more often than retries are allowed.
    Exhausted,
    /// Its reservation expired once too often.
    Expired,
}

/// A dead message.
#[derive(Debug, Clone, PartialEq)]
pub struct Dead {
    /// The message with its attempts and last error.
    pub queue_message: QueueMessage,
    /// When it died.
    pub died_at: Timestamp,
    /// Why.
    pub cause: DeadCause,
}

/// Which dead messages are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadSelection {
    /// All of them.
    All,
    /// Those with one of these ids.
    Ids(Vec<MessageId>),
}

impl DeadSelection {
    fn takes(&self, dead: &Dead) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(&dead.queue_message.message.message_id),
        }
    }
}

impl Mailbox {
    /// Dead messages, oldest first.
    pub fn dead_letters(&self) -> impl ExactSizeIterator<Item = &Dead> {
        self.dead.iter()
    }

    /// Puts dead messages back to ready, oldest first, with their attempts reset, at most `limit`
    /// and only while there is room; returns how many.
    pub fn redrive(&mut self, now: Timestamp, selection: &DeadSelection, limit: usize) -> usize {
        let mut redriven = 0;
        let mut kept = std::collections::VecDeque::new();
        while let Some(mut dead) = self.dead.pop_front() {
            let wanted = redriven < limit && selection.takes(&dead);
            if wanted && self.no_room(now).is_none() {
                dead.queue_message.delivery_attempts = 0;
                let id = self.next_id();
                let entry = Entry { id, queued: dead.queue_message, expires_at: None };
                self.put_ready(entry, now);
                redriven += 1;
            } else {
                kept.push_back(dead);
            }
        }
        self.dead = kept;
        redriven
    }

    /// Deletes dead messages; returns how many.
    pub fn purge(&mut self, selection: &DeadSelection) -> usize {
        let before = self.dead.len();
        self.dead.retain(|dead| !selection.takes(dead));
        before - self.dead.len()
    }

    pub(super) fn bury(&mut self, now: Timestamp, entry: Entry, cause: DeadCause) {
        self.dead.push_back(Dead { queue_message: entry.queued, died_at: now, cause });
    }
}
