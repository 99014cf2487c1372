//! What an operator sees of a mailbox.

use crate::agent::AgentId;
use crate::envelope::QueueMessage;
use crate::gate::Gate;
use crate::time::Timestamp;

/// Ready messages by level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadyCounts {
    /// HIGH ones.
    pub high: u64,
    /// NORMAL ones.
    pub normal: u64,
    /// LOW ones.
    pub low: u64,
}

impl ReadyCounts {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.high + self.normal + self.low
    }
}

/// The state of one mailbox at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxStats {
    /// Whose mailbox.
    pub agent: AgentId,
    /// Messages that a receive could take now.
    pub ready: ReadyCounts,
    /// Messages that are due later: delayed ones and retries.
    pub delayed: u64,
    /// Messages in the hands of consumers.
    pub reserved: u64,
    /// Messages in the dead-letter queue.
    pub dead: u64,
    /// Messages that count against the capacity: ready, delayed, reserved, and on the original's
    /// layout what crashed peers leaked. Messages that expired make room and do not count.
    pub depth: u64,
    /// When the oldest ready message became ready.
    pub oldest_ready: Option<Timestamp>,
    /// Whether the mailbox hands out what is ready.
    pub gate: Gate,
    /// The server's time of this snapshot.
    pub now: Timestamp,
}

/// Where a peeked message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A receive could take it now.
    Ready,
    /// It is due later.
    Delayed,
}

/// A message looked at without reserving it.
#[derive(Debug, Clone, PartialEq)]
pub struct PeekedMessage {
    /// The message.
    pub queue_message: QueueMessage,
    /// Ready or delayed.
    pub place: Place,
    /// When it became or becomes ready.
    pub available_at: Timestamp,
}

/// Which part of a list to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many entries to pass over.
    pub offset: u64,
    /// How many to return at most, [`Page::MAX_LIMIT`] at the most.
    pub limit: u32,
}

impl Page {
    /// The most entries of one page.
    pub const MAX_LIMIT: u32 = 1_000;

    /// The first `limit` entries.
    pub const fn first(limit: u32) -> Self {
        Self { offset: 0, limit }
    }

    /// The offset that holds: at most 2^52, which every script takes exactly.
    pub fn bounded_offset(&self) -> u64 {
        self.offset.min(1 << 52)
    }

    /// The limit that holds: at most [`Page::MAX_LIMIT`].
    pub fn bounded_limit(&self) -> u32 {
        self.limit.min(Self::MAX_LIMIT)
    }
}

impl Default for Page {
    /// The first 100 entries.
    fn default() -> Self {
        Self::first(100)
    }
}
