//! Counting what a mailbox holds.

use super::Mailbox;
use crate::agent::AgentId;
use crate::inspect::{MailboxStats, ReadyCounts};
use crate::message::MessagePriority;
use crate::time::Timestamp;

impl Mailbox {
    /// The counts of this mailbox; what fell due but was not worked off yet counts where it will
    /// be: delayed messages that are due as ready, expired reservations still as reserved, and
    /// messages that expired nowhere.
    pub fn stats(&self, now: Timestamp, agent: AgentId) -> MailboxStats {
        let mut ready = ReadyCounts::default();
        let mut delayed = 0;
        let mut oldest_ready: Option<Timestamp> = None;
        let mut depth = self.depth();
        for (entry, at, is_ready) in self.waiting() {
            if entry.has_expired(now) {
                depth -= 1;
                continue;
            }
            if !is_ready && at > now {
                delayed += 1;
                continue;
            }
            oldest_ready = Some(oldest_ready.map_or(at, |oldest| oldest.min(at)));
            match entry.queued.priority {
                MessagePriority::High => ready.high += 1,
                MessagePriority::Normal => ready.normal += 1,
                MessagePriority::Low => ready.low += 1,
            }
        }
        MailboxStats {
            agent,
            ready,
            delayed,
            reserved: self.reserved_count(),
            dead: self.dead.len() as u64,
            depth,
            oldest_ready,
            gate: self.gate(),
            now,
        }
    }
}
