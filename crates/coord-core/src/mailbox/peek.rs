//! Looking without touching.

use super::Mailbox;
use crate::agent::AgentId;
use crate::inspect::{MailboxStats, Page, PeekedMessage, Place, ReadyCounts};
use crate::message::MessagePriority;
use crate::time::Timestamp;

impl Mailbox {
    /// Waiting messages in the order in which they would be served; a delayed one that fell due
    /// is shown as ready.
    pub fn peek(&self, now: Timestamp, page: Page) -> Vec<PeekedMessage> {
        let mut waiting: Vec<_> = self.waiting().collect();
        let rank = |ready: bool, priority: MessagePriority| match priority {
            _ if !ready => 3,
            MessagePriority::High => 0,
            MessagePriority::Normal => 1,
            MessagePriority::Low => 2,
        };
        waiting.retain(|(entry, ..)| !entry.has_expired(now));
        waiting.sort_by_cached_key(|(entry, at, ready)| {
            (rank(*ready || *at <= now, entry.queued.priority), self.slot(entry, *at))
        });
        let page_of = waiting.into_iter().skip(usize::try_from(page.offset).unwrap_or(usize::MAX));
        page_of
            .take(page.bounded_limit() as usize)
            .map(|(entry, available_at, ready)| PeekedMessage {
                queue_message: entry.queued.clone(),
                place: if ready || available_at <= now { Place::Ready } else { Place::Delayed },
                available_at,
            })
            .collect()
    }

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
            now,
        }
    }
}
