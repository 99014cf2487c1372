//! The dead-letter queue.

use std::num::NonZeroU64;

use super::Mailbox;
use super::state::Entry;
use crate::dead_letters::{DeadBody, DeadLetter};
use crate::envelope::QueueMessage;
use crate::inspect::Page;
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
    /// Its number, which it keeps when it is put back.
    pub(super) id: u64,
    pub(super) leaves_receipt: bool,
}

/// How many of the oldest dead one burial drops at most.
const MAX_DROPPED: u64 = 100;

impl Dead {
    /// As an operator sees it.
    pub fn letter(&self) -> DeadLetter {
        let body = DeadBody::Message(Box::new(self.queue_message.clone()));
        DeadLetter { body, died_at: Some(self.died_at) }
    }
}

impl Mailbox {
    /// Dead messages, oldest first.
    pub fn dead_letters(&self) -> impl ExactSizeIterator<Item = &Dead> {
        self.dead.iter()
    }

    /// One page of the dead-letter queue, oldest first.
    pub fn dead_page(&self, page: Page) -> Vec<DeadLetter> {
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        self.dead.iter().skip(skip).take(page.bounded_limit() as usize).map(Dead::letter).collect()
    }

    pub(super) fn bury(&mut self, now: Timestamp, entry: Entry, cause: DeadCause) {
        let Entry { id, queued, leaves_receipt, .. } = entry;
        self.dead.push_back(Dead {
            queue_message: queued,
            died_at: now,
            cause,
            id,
            leaves_receipt,
        });
        let limit = self.policy.dead_limit().map_or(u64::MAX, NonZeroU64::get);
        let surplus = (self.dead.len() as u64).saturating_sub(limit);
        for _ in 0..surplus.min(MAX_DROPPED) {
            self.drop_oldest_dead();
        }
    }

    /// Drops the dead message that died first, if there is any, for a newer one.
    pub fn drop_oldest_dead(&mut self) {
        self.dead_dropped += u64::from(self.dead.pop_front().is_some());
    }

    /// How many dead messages were dropped so far, to keep inside the limit.
    pub const fn dead_dropped(&self) -> u64 {
        self.dead_dropped
    }
}
